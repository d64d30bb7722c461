import type { RoundInput } from "../../agent/core/consensus/round/input.ts"
import type { RoundOutput } from "../../agent/core/consensus/round/output.ts"
import type { RoundState, Step } from "../../agent/core/consensus/round/state.ts"
import type { Address, Proposal, TimeoutStep, ValueId, Vote, VoteType } from "../../agent/core/consensus/terms.ts"
import { asInteger, asTagged, asText, asTuple, field, type Itf, integer, tagged, type Tagged, tuple } from "./itf.ts"

/*
 * The words of the published Quint model of Tendermint (traces of it are in ITF), and ours for the same.
 */
const STEPS: readonly (readonly [string, Step])[] = [
  ["NoStep", "new"],
  ["UnstartedStep", "unstarted"],
  ["ProposeStep", "propose"],
  ["PrevoteStep", "prevote"],
  ["PrecommitStep", "precommit"],
  ["CommitStep", "commit"],
]
const TIMEOUTS: readonly (readonly [string, TimeoutStep])[] = [
  ["ProposeTimeout", "propose"],
  ["PrevoteTimeout", "prevote"],
  ["PrecommitTimeout", "precommit"],
]
const VOTES: readonly (readonly [string, VoteType])[] = [
  ["Prevote", "prevote"],
  ["Precommit", "precommit"],
]

/** @returns null for the model's NoConsensusInput, which is nothing that can happen */
export function readRoundInput(input: Itf): RoundInput | null {
  const { tag, value } = asTagged(input)
  switch (tag) {
    case "NoConsensusInput":
      return null
    case "NewRoundCInput":
      return { kind: "new-round", round: asInteger(value), proposer: false }
    case "NewRoundProposerCInput":
      return { kind: "new-round", round: asInteger(value), proposer: true }
    case "ProposeValueCInput":
      return { kind: "propose-value", value: asText(value) as ValueId }
    case "ProposalCInput":
      return { kind: "proposal", value: readValue(asTuple(value)[1]!)! }
    case "ProposalAndPolkaPreviousAndValidCInput": {
      const [proposed, polRound] = asTuple(value)
      return {
        kind: "proposal-and-polka-previous",
        value: readValue(proposed!)!,
        polRound: asInteger(polRound!),
      }
    }
    case "ProposalInvalidCInput":
      return { kind: "proposal-invalid" }
    case "PolkaNilCInput":
      return { kind: "polka-nil" }
    case "PolkaAnyCInput":
      return { kind: "polka-any" }
    case "ProposalAndPolkaAndValidCInput":
      return { kind: "proposal-and-polka", value: readValue(value)! }
    case "ProposalAndPolkaAndInvalidCInput":
      return { kind: "proposal-invalid-and-polka-previous", value: readValue(value)! }
    case "PrecommitAnyCInput":
      return { kind: "precommit-any" }
    case "ProposalAndCommitAndValidCInput": {
      const [round, decided] = asTuple(value)
      return { kind: "proposal-and-commit", round: asInteger(round!), value: asText(decided!) as ValueId }
    }
    case "RoundSkipCInput":
      return { kind: "round-skip", round: asInteger(value) }
    case "TimeoutProposeCInput":
      return readTimeout("propose", value)
    case "TimeoutPrevoteCInput":
      return readTimeout("prevote", value)
    case "TimeoutPrecommitCInput":
      return readTimeout("precommit", value)
    default:
      throw new TypeError(`no input of the round machine: ${tag}`)
  }
}

function readTimeout(step: TimeoutStep, value: Itf): RoundInput {
  const [height, round] = asTuple(value)
  return { kind: "timeout", step, height: asInteger(height!), round: asInteger(round!) }
}

export function readTimeoutStep(value: Itf): TimeoutStep {
  return ours(TIMEOUTS, asTagged(value).tag)
}

export function readRoundState(state: Itf): RoundState {
  return {
    height: asInteger(field(state, "height")),
    round: asInteger(field(state, "round")),
    step: ours(STEPS, asTagged(field(state, "step")).tag),
    lockedRound: asInteger(field(state, "lockedRound")),
    lockedValue: readValue(field(state, "lockedValue")),
    validRound: asInteger(field(state, "validRound")),
    validValue: readValue(field(state, "validValue")),
  }
}

export function writeRoundState(state: RoundState, p: string): Itf {
  return {
    height: integer(state.height),
    lockedRound: integer(state.lockedRound),
    lockedValue: writeValue(state.lockedValue),
    p,
    round: integer(state.round),
    step: tagged(theirs(STEPS, state.step)),
    validRound: integer(state.validRound),
    validValue: writeValue(state.validValue),
  }
}

export const NO_OUTPUT = tagged("NoConsensusOutput")
/** Texts of errors are not compared. */
export const ERROR_OUTPUT = tagged("ErrorOutput", "")

/** @param p whose output it is */
export function writeRoundOutput(output: RoundOutput, p: string): Tagged {
  switch (output.kind) {
    case "get-value":
      return tagged(
        "GetValueAndScheduleTimeoutOutput",
        tuple(integer(output.height), integer(output.round), tagged("ProposeTimeout")),
      )
    case "proposal":
      return tagged("ProposalOutput", {
        height: integer(output.height),
        proposal: output.value,
        round: integer(output.round),
        srcAddress: p,
        validRound: integer(output.polRound),
      })
    case "vote":
      return tagged("VoteOutput", {
        height: integer(output.height),
        round: integer(output.round),
        srcAddress: p,
        valueId: writeValue(output.value),
        voteType: tagged(theirs(VOTES, output.type)),
      })
    case "timeout":
      return tagged("TimeoutOutput", tuple(integer(output.round), tagged(theirs(TIMEOUTS, output.step))))
    case "skip":
      return tagged("SkipRoundOutput", integer(output.round))
    case "decision":
      return tagged("DecidedOutput", tuple(integer(output.round), output.value))
  }
}

export function readVote(vote: Itf): Vote {
  return {
    type: ours(VOTES, asTagged(field(vote, "voteType")).tag),
    height: asInteger(field(vote, "height")),
    round: asInteger(field(vote, "round")),
    value: readValue(field(vote, "valueId")),
    voter: asText(field(vote, "srcAddress")) as Address,
  }
}

export function readProposal(proposal: Itf): Proposal {
  return {
    height: asInteger(field(proposal, "height")),
    round: asInteger(field(proposal, "round")),
    value: asText(field(proposal, "proposal")) as ValueId,
    polRound: asInteger(field(proposal, "validRound")),
    proposer: asText(field(proposal, "srcAddress")) as Address,
  }
}

function readValue(value: Itf): ValueId | null {
  const { tag, value: inner } = asTagged(value)
  return tag === "Nil" ? null : (asText(inner) as ValueId)
}

function writeValue(value: ValueId | null): Itf {
  return value === null ? tagged("Nil") : tagged("Val", value)
}

function ours<Word>(words: readonly (readonly [string, Word])[], tag: string): Word {
  const found = words.find(([theirs]) => theirs === tag)
  if (found === undefined) throw new TypeError(`unknown: ${tag}`)
  return found[1]
}

function theirs<Word>(words: readonly (readonly [string, Word])[], word: Word): string {
  return words.find(([, ours]) => ours === word)![0]
}
