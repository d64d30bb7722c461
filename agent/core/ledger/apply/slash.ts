import type { Address } from "../../../base/address.ts"
import { SLASHED_LOTS_PER_BLOCK_MAX } from "../../../base/network-limits.ts"
import {
  begunAt,
  committeeAt,
  dueAt,
  type Lot,
  lotsOf,
  type Parameters,
  type Place,
  readLot,
  slashAt,
  validatorAt,
} from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { Amount, TimeMs } from "../terms.ts"
import type { BodyOf } from "../transaction/body.ts"
import type { Context, Failure } from "./context.ts"
import { credit } from "./purses.ts"
import { dropRank } from "./ranks.ts"

/* Who signs two things loses part of all stake that answered for it. docs/spec/ledger.md#slashing */

const WHOLE = 10_000n

/** L1, L2: the validator leaves for ever, and its lots are gone through from this block on. */
export function report(context: Context, body: BodyOf<"report">): Failure | null {
  const { state, sender, time } = context
  const validator = state.get(validatorAt(body.validator))
  if (validator === null) return "VALIDATOR_UNKNOWN"
  if (validator.fault !== null) return "VALIDATOR_PUNISHED"
  const failure = evidenceFailure(state, body)
  if (failure !== null) return failure
  const never = Number.MAX_SAFE_INTEGER
  dropRank(state, body.validator, validator)
  state.put(validatorAt(body.validator), { ...validator, jailedUntil: never, fault: body.epoch })
  const at = slashAt(body.validator)
  state.put(at, { epoch: body.epoch, reporter: sender, after: lotsOf(body.validator) })
  state.put(dueAt(time, at.name), {})
  return null
}

/** L3: so many lots in one block; the next block goes on. */
export function goOnSlashing(state: State, parameters: Parameters, time: TimeMs, of: Address): void {
  const at = slashAt(of)
  const slash = state.must(at)
  const names = state.names(lotsOf(of), SLASHED_LOTS_PER_BLOCK_MAX, slash.after)
  for (const name of names) {
    const place = readLot(name)
    const lot = state.must(place)
    cut(state, parameters, of, place, lot)
  }
  if (names.length < SLASHED_LOTS_PER_BLOCK_MAX) {
    state.drop(at)
    return
  }
  state.put(at, { ...slash, after: names.at(-1)! })
  state.put(dueAt(time, at.name), {})
}

/** L4: what is paid out while a slash goes on is slashed first. */
export function slashedLot(state: State, parameters: Parameters, of: Address, name: string, lot: Lot): Lot {
  const slash = state.get(slashAt(of))
  return slash === null || name <= slash.after ? lot : cut(state, parameters, of, readLot(name), lot)
}

/** L2: of a lot that counted in the epoch of the deed, and of no other. */
function cut(state: State, parameters: Parameters, of: Address, place: Place<Lot>, lot: Lot): Lot {
  const { epoch, reporter } = state.must(slashAt(of))
  if (epoch < lot.from || (lot.until !== null && epoch >= lot.until)) return lot
  const lost = part(lot.tokens, parameters.slash)
  const reward = part(lost, parameters.reportShare)
  const left = { ...lot, tokens: lot.tokens - lost }
  state.put(place, left)
  credit(state, reporter, reward, "staked")
  state.move("staked", "burned", lost - reward)
  if (lot.until === null) {
    const validator = state.must(validatorAt(of))
    state.put(validatorAt(of), { ...validator, tokens: validator.tokens - lost })
  }
  return left
}

/** L1: two votes of one height, round and type for different values, of who was in the committee at that height. */
function evidenceFailure(state: State, body: BodyOf<"report">): Failure | null {
  const { first, second, validator, key } = body
  const isOneSlot = first.type === second.type && first.height === second.height && first.round === second.round
  if (!isOneSlot || first.value === second.value) return "EVIDENCE_INVALID"
  const [begun, committee] = [state.get(begunAt(body.epoch)), state.get(committeeAt(body.committee))]
  if (begun === null || committee === null) return "EVIDENCE_OLD"
  const { height } = first
  const isThen = (from: number, next: number | null) => from <= height && (next === null || height < next)
  const inEpoch = isThen(begun, state.get(begunAt(body.epoch + 1)))
  const inCommittee = isThen(committee.from, state.get(committeeAt(body.committee + 1))?.from ?? null)
  const wasMember = committee.members.some((one) => one.account === validator && one.key === key)
  return inEpoch && inCommittee && wasMember ? null : "EVIDENCE_INVALID"
}

function part(of: Amount, share: number): Amount {
  return (of * BigInt(share)) / WHOLE
}
