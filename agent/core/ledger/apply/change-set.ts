import { isQuorum } from "../../consensus/validators.ts"
import { addressOf } from "../../../base/address.ts"
import { fromHex } from "../../../base/bytes.ts"
import { type CommitteeMember, keyAt, memberAt, setNumberAt, validatorAt } from "../state/records.ts"
import type { BodyOf } from "../transaction/body.ts"
import { committeeNow, setCommittee } from "./committee.ts"
import type { Context, Failure } from "./context.ts"

/** N2, N3: an enrolled set becomes another one in one step, agreed to by more than two thirds of the power. */
export function changeSet(context: Context, body: BodyOf<"change-set">): Failure | null {
  const { state, parameters } = context
  const number = state.must(setNumberAt)
  if (body.number !== number) return "CHANGE_OUT_OF_ORDER"
  const before = committeeNow(state)
  if (!isAgreed(before, body)) return "NO_QUORUM"
  const after = new Map(before.map((member) => [member.account, member]))
  for (const { account, key, power } of body.validators) {
    const known = state.get(validatorAt(account))
    if (power === 0) {
      if (!after.delete(account) || known === null) return "VALIDATOR_UNKNOWN"
      state.put(validatorAt(account), { ...known, power: 0n })
      continue
    }
    const owner = keyAt(addressOf(fromHex(key)!))
    if ((state.get(owner) ?? account) !== account) return "KEY_IN_USE"
    state.put(owner, account)
    const fresh = { tokens: 0n, active: 0n, index: 0n, jailedUntil: null, fault: null }
    state.put(validatorAt(account), { ...(known ?? fresh), key, power: BigInt(power) })
    state.put(memberAt(account), {})
    after.set(account, { account, key, power: BigInt(power) })
  }
  if (after.size === 0 || after.size > parameters.committee) return "SET_NOT_ALLOWED"
  if (body.members.some(({ account, isMember }) => !isMember && after.has(account))) return "SET_NOT_ALLOWED"
  for (const { account, isMember } of body.members) {
    if (isMember) state.put(memberAt(account), {})
    else state.drop(memberAt(account))
  }
  state.put(setNumberAt, number + 1)
  setCommittee(state, parameters, context, [...after.values()])
  return null
}

function isAgreed(before: readonly CommitteeMember[], { approvals }: BodyOf<"change-set">): boolean {
  const keys = new Set(approvals.map(({ key }) => key))
  const agreed = before.filter(({ key }) => keys.has(key))
  const powerOf = (members: readonly CommitteeMember[]) => members.reduce((sum, { power }) => sum + power, 0n)
  return isQuorum(powerOf(agreed), powerOf(before))
}
