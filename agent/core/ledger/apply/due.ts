import type { Address } from "../../../base/address.ts"
import { DUES_PER_BLOCK_MAX } from "../../../base/network-limits.ts"
import { damaged } from "../error.ts"
import {
  announcementAt,
  begunAt,
  committeeAt,
  dueAt,
  DUES,
  epochAt,
  lotAt,
  markAt,
  type Parameters,
  readDue,
  serviceAt,
} from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { Hash, TimeMs } from "../terms.ts"
import { credit, uncountRecord } from "./purses.ts"
import { endAnnouncement } from "./registry.ts"
import { goOnSlashing, slashedLot } from "./slash.ts"
import { indexAt, releaseMark, rewardOf } from "./rewards.ts"

/** @returns when the next thing falls due, the end of the epoch among them */
export function nextDue(state: State): TimeMs {
  const { ends } = state.must(epochAt)
  const [first] = state.names(DUES, 1)
  return first === undefined ? ends : Math.min(ends, readDue(first).time)
}

/** D1: in the order of their times, DUES_PER_BLOCK_MAX in one block. */
export function doWhatIsDue(state: State, parameters: Parameters, time: TimeMs): void {
  const dues = state.names(DUES, DUES_PER_BLOCK_MAX).map(readDue)
  for (const due of dues) {
    if (due.time > time) return
    state.drop(dueAt(due.time, due.name))
    const [kind, ...parts] = due.name.split("/")
    if (kind === "lot") payLot(state, parameters, time, parts)
    else if (kind === "announcement") dueAnnouncement(state, parameters, parts)
    else if (kind === "service") returnDeposit(state, parts)
    else if (kind === "committee") state.drop(committeeAt(Number(parts[0])))
    else if (kind === "begun") state.drop(begunAt(Number(parts[0])))
    else if (kind === "slash") goOnSlashing(state, parameters, time, parts[0] as Address)
    else throw damaged(`nobody knows what is due of ${due.name}`)
  }
}

/** B4: the unbonding time counts from the end of the epoch in which the lot left, as that end came. */
function payLot(state: State, parameters: Parameters, time: TimeMs, parts: readonly string[]): void {
  const [from, owner] = parts as [Address, Address]
  const at = lotAt(from, owner, Number(parts[2]))
  const lot = slashedLot(state, parameters, from, at.name, state.must(at))
  const until = lot.until!
  if (lot.end === null) {
    const { reached } = state.must(markAt(from, until))
    const due = (reached?.time ?? state.must(epochAt).ends) + parameters.unbondingMs
    if (due > time) {
      state.put(dueAt(due, at.name), {})
      return
    }
  }
  const reward = rewardOf(lot.tokens, indexAt(state, from, lot.from, lot.index), indexAt(state, from, until, lot.end))
  if (lot.index === null) releaseMark(state, from, lot.from)
  if (lot.end === null) releaseMark(state, from, until)
  state.drop(at)
  uncountRecord(state, owner)
  credit(state, owner, lot.tokens, "staked")
  credit(state, owner, reward, "pot")
}

function dueAnnouncement(state: State, parameters: Parameters, parts: readonly string[]): void {
  const [manifest, by] = parts as [Hash, Address]
  const at = announcementAt(manifest, by)
  const { bond, until, isLeaving } = state.must(at)
  if (!isLeaving) {
    endAnnouncement(state, manifest, by, until, until + parameters.unbondingMs)
    return
  }
  state.drop(at)
  uncountRecord(state, by)
  credit(state, by, bond, "bonds")
}

function returnDeposit(state: State, parts: readonly string[]): void {
  const at = serviceAt(parts[0] as Hash)
  const { developer, deposit } = state.must(at)
  state.drop(at)
  uncountRecord(state, developer)
  credit(state, developer, deposit, "deposits")
}
