import { type Address, addressOf } from "../../../base/address.ts"
import { fromHex } from "../../../base/bytes.ts"
import {
  type CommitteeMember,
  committeeAt,
  dueAt,
  epochAt,
  type Parameters,
  validatorAt,
  VALIDATORS,
} from "../state/records.ts"
import type { State } from "../state/state.ts"
import type { PublicKey, TimeMs } from "../terms.ts"
import { reachMark } from "./rewards.ts"

/** C1: what is decided at a height changes who decides the second height after it. */
export const DELAY = 2

/** What consensus is told: by the key's own address; power 0 leaves. */
export interface ValidatorUpdate {
  readonly key: PublicKey
  readonly power: bigint
}

/** In which block something is done. */
export interface Moment {
  readonly height: number
  readonly time: TimeMs
}

export function committeeNow(state: State): readonly CommitteeMember[] {
  return state.must(committeeAt(state.must(epochAt).committee)).members
}

/** C2: the former one is kept as long as evidence against it counts. @param members in any order */
export function setCommittee(
  state: State,
  parameters: Parameters,
  { height, time }: Moment,
  members: readonly CommitteeMember[],
): void {
  const epoch = state.must(epochAt)
  const sorted = [...members].sort((a, b) => (consensusAddress(a.key) < consensusAddress(b.key) ? -1 : 1))
  const former = committeeAt(epoch.committee)
  if (validatorUpdates(state.must(former).members, sorted).length === 0) return
  state.put(dueAt(time + parameters.evidenceMs, former.name), {})
  state.put(committeeAt(epoch.committee + 1), { from: height + DELAY, members: sorted })
  state.put(epochAt, { ...epoch, committee: epoch.committee + 1 })
}

/**
 * C3: who was reported leaves, who has another key votes with it. Once for the whole block, so that it does not matter
 * which transaction came first.
 */
export function followValidators(state: State, parameters: Parameters, moment: Moment): void {
  if (!state.hasWritten(VALIDATORS)) return
  const members = committeeNow(state)
  const isFaulty = ({ account }: CommitteeMember) => state.must(validatorAt(account)).fault !== null
  const good = members.filter((member) => !isFaulty(member))
  // P5: if nobody is left they stay, or nobody could ever take their place.
  const staying = good.length > 0 ? good : members
  for (const { account } of members) {
    if (!staying.some((member) => member.account === account)) losePower(state, moment, account)
  }
  const next = staying.map((member) => ({ ...member, key: state.must(validatorAt(member.account)).key }))
  setCommittee(state, parameters, moment, next)
}

/** It earns nothing in this epoch any more. The committee is for the caller to change. */
export function losePower(state: State, { time }: Moment, account: Address): void {
  const validator = state.must(validatorAt(account))
  state.put(validatorAt(account), { ...validator, power: 0n, active: 0n })
  reachMark(state, account, state.must(epochAt).number + 1, validator.index, time)
}

export function validatorUpdates(
  before: readonly CommitteeMember[],
  after: readonly CommitteeMember[],
): readonly ValidatorUpdate[] {
  const powers = new Map(before.map(({ key, power }) => [key, power]))
  const changed = after.filter(({ key, power }) => powers.get(key) !== power).map(({ key, power }) => ({ key, power }))
  const stay = new Set(after.map(({ key }) => key))
  return [...changed, ...before.filter(({ key }) => !stay.has(key)).map(({ key }) => ({ key, power: 0n }))]
}

export function consensusAddress(key: PublicKey): Address {
  return addressOf(fromHex(key)!)
}
