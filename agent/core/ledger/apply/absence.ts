import type { Address } from "../../../base/address.ts"
import { absentAt, epochAt, type Parameters, validatorAt } from "../state/records.ts"
import type { State } from "../state/state.ts"
import { committeeNow, losePower, type Moment, setCommittee } from "./committee.ts"
import { dropRank } from "./ranks.ts"

/**
 * J1, J2: who was absent from every block for so long loses its place; stake is not touched.
 * @param absent accounts of validators without a precommit for the block before
 */
export function countAbsence(state: State, parameters: Parameters, moment: Moment, absent: readonly Address[]): void {
  const known = new Map((state.get(absentAt) ?? []).map(({ account, since }) => [account, since]))
  const members = new Set(committeeNow(state).map(({ account }) => account))
  const now = [...new Set(absent)]
    .filter((account) => members.has(account))
    .sort()
    .map((account) => ({ account, since: known.get(account) ?? moment.time }))
  const jailed = parameters.isEnrolled
    ? []
    : now.filter(
        ({ account, since }) =>
          moment.time - since >= parameters.downtimeMs && jail(state, parameters, moment, account),
      )
  const left = now.filter((one) => !jailed.includes(one))
  if (left.length > 0) state.put(absentAt, left)
  else if (known.size > 0) state.drop(absentAt)
}

/** J3: at most a third of the power in one epoch. @returns whether it was */
function jail(state: State, parameters: Parameters, moment: Moment, account: Address): boolean {
  const epoch = state.must(epochAt)
  const members = committeeNow(state)
  const validator = state.must(validatorAt(account))
  const total = members.reduce((sum, { power }) => sum + power, 0n) + epoch.jailed
  if (3n * (epoch.jailed + validator.power) > total) return false
  dropRank(state, account, validator)
  state.put(validatorAt(account), { ...validator, jailedUntil: moment.time + parameters.jailMs })
  losePower(state, moment, account)
  state.put(epochAt, { ...epoch, jailed: epoch.jailed + validator.power })
  const others = members.filter((member) => member.account !== account)
  setCommittee(state, parameters, moment, others)
  return true
}
