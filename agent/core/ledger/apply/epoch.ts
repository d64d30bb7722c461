import type { Address } from "../../../base/address.ts"
import {
  begunAt,
  type CommitteeMember,
  dueAt,
  epochAt,
  type Parameters,
  type Validator,
  validatorAt,
} from "../state/records.ts"
import type { State } from "../state/state.ts"
import { committeeNow, DELAY, type Moment, setCommittee } from "./committee.ts"
import { topRanks } from "./ranks.ts"
import { indexOf, reachMark } from "./rewards.ts"

const WHOLE = 10_000n

interface Choice {
  readonly address: Address
  readonly validator: Validator
}

/** P1: an epoch ends in the first block whose time is its end or later; the next one has its full length. */
export function endEpoch(state: State, parameters: Parameters, moment: Moment): void {
  if (!parameters.isEnrolled) {
    payFees(state, moment)
    choose(state, parameters, moment)
    const { number } = state.must(epochAt)
    state.put(begunAt(number + 1), moment.height + DELAY)
    // C2: what was signed in it cannot be reported for longer.
    state.put(dueAt(moment.time + parameters.evidenceMs, begunAt(number).name), {})
  }
  const epoch = state.must(epochAt)
  state.put(epochAt, {
    ...epoch,
    number: epoch.number + 1,
    ends: moment.time + parameters.epochMs,
    jailed: 0n,
  })
}

/** P2: to whoever is in the committee at the end, by power; what does not divide waits for the next end. */
function payFees(state: State, { time }: Moment): void {
  const epoch = state.must(epochAt)
  const earning = ofCommittee(state).filter(({ validator }) => validator.power > 0n)
  const total = earning.reduce((sum, { validator }) => sum + validator.power, 0n)
  let paid = 0n
  for (const { address, validator } of earning) {
    const share = validator.active === 0n ? 0n : (epoch.fees * validator.power) / total
    const index = share === 0n ? validator.index : validator.index + indexOf(share, validator.active)
    paid += share
    state.put(validatorAt(address), { ...validator, index })
    reachMark(state, address, epoch.number + 1, index, time)
  }
  state.put(epochAt, { ...epoch, fees: epoch.fees - paid })
}

/** P3, P4: the validators with the most stake; all together gain at most `churn` of the power that there was. */
function choose(state: State, parameters: Parameters, moment: Moment): void {
  const before = ofCommittee(state)
  const power = before.reduce((sum, { validator }) => sum + validator.power, 0n)
  const churn = (power * BigInt(parameters.churn)) / WHOLE
  let left = churn > 0n ? churn : 1n
  const chosen: Choice[] = []
  for (const address of topRanks(state, parameters.committee)) {
    const validator = state.must(validatorAt(address))
    if (validator.tokens < parameters.stakeMin) break
    const wanted = validator.tokens - validator.power
    const gain = wanted < left ? wanted : left
    if (gain > 0n) left -= gain
    const next = { ...validator, power: validator.power + gain, active: validator.tokens }
    if (next.power > 0n) chosen.push({ address, validator: next })
  }
  // P5: a chain without validators could never go on.
  const next =
    chosen.length > 0
      ? chosen
      : before.map(({ address, validator }) => ({ address, validator: { ...validator, active: validator.tokens } }))
  const stay = new Set(next.map(({ address }) => address))
  for (const { address, validator } of before) {
    if (!stay.has(address)) state.put(validatorAt(address), { ...validator, power: 0n, active: 0n })
  }
  for (const { address, validator } of next) state.put(validatorAt(address), validator)
  setCommittee(state, parameters, moment, next.map(memberOf))
}

function ofCommittee(state: State): readonly Choice[] {
  return committeeNow(state).map(({ account }) => ({ address: account, validator: state.must(validatorAt(account)) }))
}

function memberOf({ address, validator: { key, power } }: Choice): CommitteeMember {
  return { account: address, key, power }
}
