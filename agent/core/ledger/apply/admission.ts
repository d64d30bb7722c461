import { accountAt, memberAt, type Parameters } from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { Amount, ChainId, TimeMs } from "../terms.ts"
import type { ReadTransaction } from "../transaction/transaction.ts"
import { accountOf } from "./purses.ts"

/** Why a transaction cannot be in a block now: docs/spec/ledger.md#admission. */
export type Refusal =
  | "OTHER_CHAIN"
  | "NONCE_USED"
  | "NONCE_AHEAD"
  | "EXPIRED"
  | "FEE_ABOVE_LIMIT"
  | "FEE_NOT_COVERED"
  | "NOT_ENROLLED"
  | "RATE_EXCEEDED"

export function feeOf(parameters: Parameters, bytes: number): Amount {
  return parameters.feeBase + parameters.feePerByte * BigInt(bytes)
}

/** V1-V6: it looks at its sender's and its payer's account, and at nothing else. */
export function refusalOf(
  state: State,
  parameters: Parameters,
  chain: ChainId,
  time: TimeMs,
  transaction: ReadTransaction,
): Refusal | null {
  const { unsigned, sender, payer, bytes } = transaction
  if (unsigned.chain !== chain) return "OTHER_CHAIN"
  if (unsigned.validUntil < time) return "EXPIRED"
  const account = accountOf(state, sender)
  if (unsigned.nonce < account.nonce) return "NONCE_USED"
  if (unsigned.nonce > account.nonce) return "NONCE_AHEAD"
  const fee = feeOf(parameters, bytes)
  if (fee > unsigned.feeLimit) return "FEE_ABOVE_LIMIT"
  if (accountOf(state, payer).balance < fee) return "FEE_NOT_COVERED"
  if (!parameters.isEnrolled) return null
  if (state.get(memberAt(sender)) === null) return "NOT_ENROLLED"
  return busyAfter(account.busyUntil, parameters, time) - time > parameters.rateMs * parameters.rateBurst
    ? "RATE_EXCEEDED"
    : null
}

/** The nonce is used, and so much of the rate. */
export function admit(state: State, parameters: Parameters, time: TimeMs, { sender }: ReadTransaction): void {
  const account = accountOf(state, sender)
  const busyUntil = parameters.isEnrolled ? busyAfter(account.busyUntil, parameters, time) : account.busyUntil
  state.put(accountAt(sender), { ...account, nonce: account.nonce + 1, busyUntil })
}

/** V6: a token bucket in one number: when it would be full again. */
function busyAfter(busyUntil: TimeMs, { rateMs }: Parameters, time: TimeMs): TimeMs {
  return Math.max(busyUntil, time) + rateMs
}
