import { type Address, addressOf } from "../../../base/address.ts"
import { fromHex } from "../../../base/bytes.ts"
import { dueAt, keyAt, type Lot, lotAt, slashAt, type Validator, validatorAt } from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { BodyOf } from "../transaction/body.ts"
import type { Context, Failure } from "./context.ts"
import { countRecord, credit, debit } from "./purses.ts"
import { dropRank, putRank } from "./ranks.ts"
import { holdMark, indexAt, releaseMark, rewardOf } from "./rewards.ts"

/* Stake is lots: what one owner bonded with one validator at one time. docs/spec/ledger.md#stake */

/** B1 */
export function bond(context: Context, { key, amount }: BodyOf<"bond">): Failure | null {
  const { state, sender, parameters } = context
  const known = keyAt(addressOf(fromHex(key)!))
  if (state.get(validatorAt(sender)) !== null) return "VALIDATOR_EXISTS"
  if (state.get(known) !== null) return "KEY_IN_USE"
  if (!countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  const validator: Validator = { key, tokens: 0n, active: 0n, power: 0n, index: 0n, jailedUntil: null, fault: null }
  state.put(known, sender)
  state.put(validatorAt(sender), validator)
  return amount === 0n ? null : stakeWith(context, sender, validator, amount)
}

/** B2 */
export function delegate(context: Context, { validator: to, amount }: BodyOf<"delegate">): Failure | null {
  const validator = context.state.get(validatorAt(to))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  if (validator.fault !== null) return "VALIDATOR_PUNISHED"
  return amount === 0n ? "AMOUNT_ZERO" : stakeWith(context, to, validator, amount)
}

/** B3: the lot, or a part of it as a lot of its own, leaves. */
export function unbond(context: Context, { validator: from, lot: number, amount }: BodyOf<"unbond">): Failure | null {
  const { state, sender, nonce, epoch, parameters } = context
  const validator = state.get(validatorAt(from))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  const lot = state.get(lotAt(from, sender, number))
  if (lot === null) return "LOT_UNKNOWN"
  if (lot.until !== null) return "LOT_LEAVES"
  // L4: a part that got another name now could be passed over.
  if (state.get(slashAt(from)) !== null) return "SLASH_PENDING"
  if (amount === 0n) return "AMOUNT_ZERO"
  if (amount > lot.tokens) return "LOT_TOO_SMALL"
  const isWhole = amount === lot.tokens
  if (!isWhole) {
    if (!countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
    state.put(lotAt(from, sender, number), { ...lot, tokens: lot.tokens - amount })
    if (lot.index === null) holdMark(state, from, lot.from)
  }
  const until = epoch.number + 1
  // Who is not in the committee earns nothing until then: what it stands at now is what it will stand at.
  const end = validator.power > 0n ? null : validator.index
  if (end === null) holdMark(state, from, until)
  const leaving = lotAt(from, sender, isWhole ? number : nonce)
  state.put(leaving, { ...lot, tokens: amount, until, end })
  state.put(dueAt(context.time + parameters.unbondingMs, leaving.name), {})
  setTokens(state, from, validator, validator.tokens - amount)
  return null
}

/** B5 */
export function claim(context: Context, { validator: from, lot: number }: BodyOf<"claim">): Failure | null {
  const { state, sender, epoch } = context
  const validator = state.get(validatorAt(from))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  const lot = state.get(lotAt(from, sender, number))
  if (lot === null) return "LOT_UNKNOWN"
  if (lot.until !== null) return "LOT_LEAVES"
  if (lot.from > epoch.number) return "NOTHING_EARNED"
  const reward = rewardOf(lot.tokens, indexAt(state, from, lot.from, lot.index), validator.index)
  if (reward === 0n) return "NOTHING_EARNED"
  if (lot.index === null) releaseMark(state, from, lot.from)
  state.put(lotAt(from, sender, number), { ...lot, index: validator.index })
  credit(state, sender, reward, "pot")
  return null
}

/** B6 */
export function unjail({ state, sender, time }: Context): Failure | null {
  const validator = state.get(validatorAt(sender))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  if (validator.jailedUntil === null) return "NOT_JAILED"
  if (validator.jailedUntil > time) return "TIME_NOT_ALLOWED"
  const free = { ...validator, jailedUntil: null }
  state.put(validatorAt(sender), free)
  putRank(state, sender, free)
  return null
}

/** B7: the old key is registered for ever, and answers for what it signed. */
export function rotate({ state, sender, parameters }: Context, { key }: BodyOf<"rotate">): Failure | null {
  const validator = state.get(validatorAt(sender))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  if (validator.fault !== null) return "VALIDATOR_PUNISHED"
  const known = keyAt(addressOf(fromHex(key)!))
  if (state.get(known) !== null) return "KEY_IN_USE"
  if (!countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  state.put(known, sender)
  state.put(validatorAt(sender), { ...validator, key })
  return null
}

function stakeWith(context: Context, to: Address, validator: Validator, amount: bigint): Failure | null {
  const { state, sender, nonce, epoch, parameters } = context
  if (!countRecord(state, sender, parameters.recordsMax)) return "RECORDS_FULL"
  if (!debit(state, sender, amount, "staked")) return "BALANCE_TOO_LOW"
  const from = epoch.number + 1
  const index = validator.power > 0n ? null : validator.index
  if (index === null) holdMark(state, to, from)
  const lot: Lot = { tokens: amount, from, index, until: null, end: null }
  state.put(lotAt(to, sender, nonce), lot)
  setTokens(state, to, validator, validator.tokens + amount)
  return null
}

function setTokens(state: State, address: Address, validator: Validator, tokens: bigint): void {
  dropRank(state, address, validator)
  const next = { ...validator, tokens }
  state.put(validatorAt(address), next)
  putRank(state, address, next)
}
