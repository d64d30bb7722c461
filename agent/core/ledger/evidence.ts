import { toHex } from "../../base/bytes.ts"
import type { SignedDoubleVote, SignedVote } from "../consensus/message.ts"
import { consensusAddress } from "./apply/committee.ts"
import { BEGUN, begunAt, COMMITTEES, committeeAt, validatorAt } from "./state/records.ts"
import { State, type View } from "./state/state.ts"
import type { Hash, Signature } from "./terms.ts"
import type { BodyOf } from "./transaction/body.ts"

/**
 * L1: what is to be reported of two votes of one validator.
 * @param view after the block before theirs, or a later one: that says already who decides at their height (C1)
 * @returns why it is not reported, where it is not
 */
export function reportOf(
  view: View,
  { first, second }: SignedDoubleVote,
): BodyOf<"report"> | "EVIDENCE_OLD" | "VALIDATOR_PUNISHED" {
  const state = State.over(view)
  const { height, voter } = first
  const epoch = lastOf(view, BEGUN, (number) => state.must(begunAt(number)) <= height)
  const committee = lastOf(view, COMMITTEES, (number) => state.must(committeeAt(number)).from <= height)
  if (epoch === null || committee === null) return "EVIDENCE_OLD"
  const { members } = state.must(committeeAt(committee))
  const member = members.find(({ key }) => consensusAddress(key) === voter)
  if (member === undefined) return "EVIDENCE_OLD"
  const { account: validator, key } = member
  if (state.must(validatorAt(validator)).fault !== null) return "VALIDATOR_PUNISHED"
  return { kind: "report", validator, key, epoch, committee, first: shown(first), second: shown(second) }
}

/** @returns the highest number of the records that begin so and of which it holds; null where of none */
function lastOf(view: View, prefix: string, holds: (number: number) => boolean): number | null {
  let last: number | null = null
  for (let name = view.next(prefix, prefix); name !== null; name = view.next(prefix, name)) {
    const number = Number(name.slice(prefix.length))
    if (holds(number)) last = number
  }
  return last
}

function shown({ type, height, round, value, timeMs, signature }: SignedVote): BodyOf<"report">["first"] {
  return {
    type: type === "prevote" ? 0 : 1,
    height,
    round,
    value: value as Hash | null,
    time: timeMs,
    signature: toHex(signature) as Signature,
  }
}
