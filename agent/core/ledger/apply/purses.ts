import type { Address } from "../../../base/address.ts"
import { type Account, accountAt } from "../state/records.ts"
import type { Purse, State } from "../state/state.ts"
import type { Amount } from "../terms.ts"

const NONE: Account = { nonce: 0, balance: 0n, records: 0, busyUntil: 0 }

export function accountOf(state: State, address: Address): Account {
  return state.get(accountAt(address)) ?? NONE
}

/** @returns whether there was so much; if not, nothing has happened */
export function debit(state: State, from: Address, amount: Amount, to: Purse): boolean {
  const account = accountOf(state, from)
  if (account.balance < amount) return false
  state.put(accountAt(from), { ...account, balance: account.balance - amount })
  state.move("accounts", to, amount)
  return true
}

export function credit(state: State, to: Address, amount: Amount, from: Purse): void {
  if (amount === 0n) return
  const account = accountOf(state, to)
  state.put(accountAt(to), { ...account, balance: account.balance + amount })
  state.move(from, "accounts", amount)
}

/** Q1: an account answers for the records that it made. @returns whether it may have one more */
export function countRecord(state: State, of: Address, max: number): boolean {
  const account = accountOf(state, of)
  if (account.records >= max) return false
  state.put(accountAt(of), { ...account, records: account.records + 1 })
  return true
}

export function uncountRecord(state: State, of: Address): void {
  const account = accountOf(state, of)
  state.put(accountAt(of), { ...account, records: account.records - 1 })
}
