/*
 * Which conditions of the paper hold of everything a process has. Rules D3..D5 of docs/spec/consensus.md#driver.
 *
 * | came, or is kept        | and                                         | at step            | the round machine gets          | paper |
 * |-------------------------|---------------------------------------------|--------------------|---------------------------------|-------|
 * | proposal(v), any round  | commit of v in its round                    | any but commit     | proposal-and-commit             | L49   |
 * | proposal(v, -1)         |                                             | propose            | proposal                        | L22   |
 * | proposal(v, vr)         | polka of v in vr                            | propose            | proposal-and-polka-previous     | L28   |
 * | proposal(v)             | polka of v in this round                    | prevote, precommit | proposal-and-polka              | L36   |
 * | invalid proposal(v, vr) | polka of v in vr                            | propose            | proposal-invalid-and-polka-prev | L28   |
 * | invalid proposal        |                                             | propose            | proposal-invalid                | L22   |
 * | polka-value(v)          | proposal(v) of this round                   | any                | polka-any, proposal-and-polka   | L36   |
 * | polka-value(v), earlier | proposal(v, that round)                     | any                | proposal-and-polka-previous     | L28   |
 * | polka-value, polka-any  | of this round                               | any                | polka-any                       | L34   |
 * | polka-nil               | of this round                               | any                | polka-nil                       | L44   |
 * | precommit-value(v)      | proposal(v) of its round                    | any                | proposal-and-commit             | L49   |
 * | precommit-value, -any   | of this round                               | any                | precommit-any                   | L47   |
 * | skip                    | to a later round                            | any                | round-skip                      | L55   |
 */
import type { RoundInput } from "../round/input.ts"
import { NO_ROUND, type Proposal, type Round, type ValueId } from "../terms.ts"
import { hasQuorum, roundAhead } from "../votes/keeper.ts"
import type { Threshold } from "../votes/threshold.ts"
import type { DriverState, KeptProposal } from "./state.ts"

/** What holds now: one input has its turn at once, the others wait for theirs. */
export interface Conditions {
  readonly now: RoundInput | null
  readonly later: readonly RoundInput[]
}

const NOTHING: Conditions = { now: null, later: [] }

/** D3: what a proposal makes true. */
export function ofProposal(state: DriverState, proposal: KeptProposal): RoundInput | null {
  const { round, votes } = state
  const { value, polRound } = proposal
  if (!proposal.valid) return ofInvalidProposal(state, proposal)
  if (hasQuorum(votes, proposal.round, "precommit", value)) return commit(proposal.round, value)
  if (proposal.round !== round.round) return null
  if (round.step === "propose") {
    if (polRound === NO_ROUND) return { kind: "proposal", value }
    return hasQuorum(votes, polRound, "prevote", value) ? polkaPrevious(value, polRound) : null
  }
  if (round.step !== "prevote" && round.step !== "precommit") return null
  return hasQuorum(votes, round.round, "prevote", value) ? { kind: "proposal-and-polka", value } : null
}

/** D3: an invalid one is answered with nil without waiting for its polka: nil is never wrong to prevote. */
function ofInvalidProposal(
  { round, votes }: DriverState,
  { polRound, value, ...proposal }: Proposal,
): RoundInput | null {
  if (round.step !== "propose" || round.round !== proposal.round) return null
  if (!hasQuorum(votes, polRound, "prevote", value)) return { kind: "proposal-invalid" }
  return { kind: "proposal-invalid-and-polka-previous", value }
}

/** D4: what a threshold makes true. */
export function ofThreshold(state: DriverState, threshold: Threshold): Conditions {
  const { round } = state.round
  const ours = threshold.round === round
  switch (threshold.kind) {
    case "polka-value":
      return ofPolka(state, threshold.round, threshold.value)
    case "polka-any":
      return ours ? only({ kind: "polka-any" }) : NOTHING
    case "polka-nil":
      return ours ? only({ kind: "polka-nil" }) : NOTHING
    case "precommit-value":
      if (isProposed(state, threshold.round, threshold.value)) return only(commit(threshold.round, threshold.value))
      if (threshold.round > round) return only({ kind: "round-skip", round: threshold.round })
      return ours ? only({ kind: "precommit-any" }) : NOTHING
    case "precommit-any":
      return ours ? only({ kind: "precommit-any" }) : NOTHING
    case "skip":
      return threshold.round > round ? only({ kind: "round-skip", round: threshold.round }) : NOTHING
  }
}

function ofPolka(state: DriverState, polkaRound: Round, value: ValueId): Conditions {
  const { round } = state.round
  // A certificate may bring a polka from where the others are already.
  if (polkaRound > round) return { now: null, later: [{ kind: "round-skip", round: polkaRound }] }
  if (polkaRound === round) {
    const proposed = isProposed(state, round, value)
    return { now: { kind: "polka-any" }, later: proposed ? [{ kind: "proposal-and-polka", value }] : [] }
  }
  const again = state.proposals.find((one) => {
    return one.valid && one.round === round && one.value === value && one.polRound === polkaRound
  })
  return again !== undefined ? only(polkaPrevious(value, polkaRound)) : NOTHING
}

/**
 * D5: what holds of everything kept, asked again when the step or the round changed. A decision has the turn, then a
 * later round, then the proposals of this one, then its prevotes; all else waits.
 */
export function ofEverything(state: DriverState): Conditions {
  const { round, votes } = state
  const here = round.round
  const inputs = (kept: readonly KeptProposal[]) =>
    kept.map((one) => ofProposal(state, one)).filter((input) => input !== null)
  const ours = state.proposals.filter((one) => one.round === here)
  const elsewhere = inputs(state.proposals.filter((one) => one.round !== here))
  const ahead = roundAhead(votes, here)
  const skip: RoundInput[] = ahead === null ? [] : [{ kind: "round-skip", round: ahead }]
  const valid = inputs(ours.filter((one) => one.valid))
  const invalid = inputs(ours.filter((one) => !one.valid))
  const precommits: RoundInput[] = hasQuorum(votes, here, "precommit", "any") ? [{ kind: "precommit-any" }] : []
  const prevotes = ofPrevotes(state)
  const [first, ...others] = [...elsewhere, ...skip, ...valid]
  // As in the published model prevotes have no turn of their own beside a proposal; they come after it.
  const aside = first === undefined && !ours.some((one) => one.valid)
  const now = first ?? (aside ? prevotes[0] : undefined) ?? null
  return { now, later: [...others, ...precommits, ...invalid, ...prevotes].filter((input) => input !== now) }
}

function ofPrevotes({ round, votes }: DriverState): readonly RoundInput[] {
  if (round.step !== "prevote") return []
  if (hasQuorum(votes, round.round, "prevote", null)) return [{ kind: "polka-nil" }]
  return hasQuorum(votes, round.round, "prevote", "any") ? [{ kind: "polka-any" }] : []
}

function isProposed({ proposals }: DriverState, round: Round, value: ValueId): boolean {
  return proposals.some((one) => one.valid && one.round === round && one.value === value)
}

function commit(round: Round, value: ValueId): RoundInput {
  return { kind: "proposal-and-commit", round, value }
}

function polkaPrevious(value: ValueId, polRound: Round): RoundInput {
  return { kind: "proposal-and-polka-previous", value, polRound }
}

function only(now: RoundInput): Conditions {
  return { now, later: [] }
}
