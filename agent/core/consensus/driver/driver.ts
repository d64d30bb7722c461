/*
 * Feeds the round machine: one process at one height, one turn at a time. Rules: docs/spec/consensus.md#driver.
 *
 * | rule | turn                 | what happens                                                                             |
 * |------|----------------------|------------------------------------------------------------------------------------------|
 * | D1   | start                | the round begins; what was kept before is looked at in the turns that follow             |
 * | D2   | proposal             | of its round's proposer, or refused; it is kept                                          |
 * | D3   | proposal             | what it makes true, see conditions.ts                                                    |
 * | D4   | vote, certificate    | is counted; what its threshold makes true, see conditions.ts                             |
 * | D5   | step-change, pending | what holds of everything kept; each condition once in its round and step                 |
 * | D6   | any                  | nothing is said twice in one round, nothing by who is no validator, nothing once decided |
 * | D7   | timeout              | goes to the round machine                                                                |
 * | D8   | value                | is proposed, if it was asked for in this round                                           |
 */
import {
  CONSENSUS_PROPOSALS_PER_ROUND_MAX,
  CONSENSUS_ROUNDS_AHEAD_MAX,
  CONSENSUS_ROUNDS_BEHIND_MAX,
} from "../../../base/network-limits.ts"
import type { RoundInput } from "../round/input.ts"
import type { RoundOutput } from "../round/output.ts"
import { roundTransition } from "../round/transition.ts"
import type { Address, Proposal, Round } from "../terms.ts"
import { powerOf } from "../validators.ts"
import { type Applied, applyCertificate, applyVote, certificate, hasQuorum, prune } from "../votes/keeper.ts"
import { type Conditions, ofEverything, ofProposal, ofThreshold } from "./conditions.ts"
import type { DriverInput, Turn } from "./input.ts"
import type { DriverOutput, DriverRefusal, Turned } from "./output.ts"
import { type DriverState, hasStarted, type Said } from "./state.ts"

/** Who proposes in a round of this height (docs/spec/consensus.md#proposer). */
export type Proposers = (round: Round) => Address

/**
 * An input and everything that follows from it.
 * @returns `refused` and `rejected` are those of the input itself
 */
export function drive(state: DriverState, input: DriverInput, proposer: Proposers): Turned {
  if (state.decision !== null) return refuse(state, "DECIDED") // D6
  const first = turn(state, input, proposer)
  let last = first
  const outputs = [...first.outputs]
  while (last.state.decision === null && (last.state.changed || last.state.pending.length > 0)) {
    last = turn(last.state, last.state.changed ? { kind: "step-change" } : { kind: "pending", input: null }, proposer)
    outputs.push(...last.outputs)
  }
  return { ...first, state: last.state, outputs }
}

/**
 * One turn: one step of the round machine, or two where the first leaves the round. It looks at no turn that follows,
 * and goes on after a decision.
 */
export function turn(state: DriverState, next: Turn, proposer: Proposers): Turned {
  const turned = take(state, next, proposer)
  const { round, step } = turned.state.round
  const changed = round !== state.round.round || step !== state.round.step
  return { ...turned, state: { ...turned.state, changed } }
}

function take(state: DriverState, next: Turn, proposer: Proposers): Turned {
  switch (next.kind) {
    case "start":
      return hasStarted(state) ? refuse(state, "STARTED") : begin(state, 0, proposer)
    case "proposal":
      return takeProposal(state, next.proposal, next.valid, proposer)
    case "value":
      return takeValue(state, next, proposer)
    case "vote":
      return takeVotes(state, applyVote(state.votes, next.vote, state.round.round), proposer)
    case "certificate":
      return takeVotes(state, applyCertificate(state.votes, next.votes), proposer)
    case "timeout": // D7
      return give(state, next, proposer)
    case "step-change": // D5
      return act(state, ofEverything(state), proposer)
    case "pending": // D5
      return takePending(state, next.input, proposer)
  }
}

/** D2, D3. */
function takeProposal(state: DriverState, proposal: Proposal, valid: boolean, proposer: Proposers): Turned {
  const refusal = proposalRefusal(state, proposal, proposer)
  if (refusal !== null) return refuse(state, refusal)
  const kept = isKeptProposal(state, proposal)
    ? state
    : { ...state, proposals: [...state.proposals, { ...proposal, valid }] }
  return hasStarted(kept) ? maybe(kept, ofProposal(kept, { ...proposal, valid }), proposer) : idle(kept)
}

/** D2: why a proposal does not count, whatever its value is; to be asked before the value is looked at, too. */
export function proposalRefusal(state: DriverState, proposal: Proposal, proposer: Proposers): DriverRefusal | null {
  const { round, value } = proposal
  if (proposal.height !== state.round.height) return "OTHER_HEIGHT"
  const here = Math.max(0, state.round.round)
  const isOld = round < here - CONSENSUS_ROUNDS_BEHIND_MAX && !hasQuorum(state.votes, round, "precommit", value)
  if (!Number.isInteger(round) || round < 0 || round > here + CONSENSUS_ROUNDS_AHEAD_MAX || isOld) {
    return "ROUND_OUT_OF_BOUNDS"
  }
  if (proposal.proposer !== proposer(round)) return "NOT_THE_PROPOSER"
  return isKeptProposal(state, proposal) || hasRoomFor(state, proposal) ? null : "PROPOSALS_ENOUGH"
}

function isKeptProposal({ proposals }: DriverState, { round, value, polRound }: Proposal): boolean {
  return proposals.some((one) => one.round === round && one.value === value && one.polRound === polRound)
}

/** D2: a faulty proposer may say many things; one for a value with a quorum behind it is never too many. */
function hasRoomFor({ proposals, votes }: DriverState, { round, value }: Proposal): boolean {
  const ofRound = proposals.filter((one) => one.round === round)
  const agreed = hasQuorum(votes, round, "prevote", value) || hasQuorum(votes, round, "precommit", value)
  const isWanted = agreed && !ofRound.some((one) => one.value === value)
  return isWanted || ofRound.length < CONSENSUS_PROPOSALS_PER_ROUND_MAX
}

/** D8. */
function takeValue(
  state: DriverState,
  { height, round, value }: Extract<DriverInput, { kind: "value" }>,
  proposer: Proposers,
): Turned {
  const asked = state.asked && height === state.round.height && round === state.round.round
  if (!asked) return refuse(state, "NOT_ASKED")
  return give({ ...state, asked: false }, { kind: "propose-value", value }, proposer)
}

/** D4. */
function takeVotes(state: DriverState, applied: Applied, proposer: Proposers): Turned {
  if (applied.refused !== null) return refuse(state, applied.refused)
  const counted = { ...state, votes: applied.keeper }
  const evidence = applied.evidence.map((one): DriverOutput => ({ kind: "evidence", evidence: one }))
  const found = applied.threshold === null ? null : ofThreshold(counted, applied.threshold)
  const acted = found === null || !hasStarted(counted) ? idle(counted) : act(counted, found, proposer)
  return { ...acted, outputs: [...evidence, ...acted.outputs] }
}

function takePending(state: DriverState, wanted: RoundInput | null, proposer: Proposers): Turned {
  const key = wanted === null ? null : inputKey(wanted)
  const next = state.pending.find(({ input }) => key === null || inputKey(input) === key)
  const rest = { ...state, pending: state.pending.filter((one) => one !== next) }
  return next === undefined || next.round !== state.round.round ? idle(rest) : give(rest, next.input, proposer)
}

function act(state: DriverState, { now, later }: Conditions, proposer: Proposers): Turned {
  return maybe(wait(state, later), now, proposer)
}

function maybe(state: DriverState, input: RoundInput | null, proposer: Proposers): Turned {
  return input === null ? idle(state) : give(state, input, proposer)
}

/** What waits already, and what the round machine had in this round and step, does not wait again. */
function wait(state: DriverState, inputs: readonly RoundInput[]): DriverState {
  const waiting = new Set(state.pending.map(({ input }) => inputKey(input)))
  const fresh = inputs.filter((input) => !waiting.has(inputKey(input)) && !state.had.has(hadKey(state, input)))
  if (fresh.length === 0) return state
  const { round } = state.round
  return { ...state, pending: [...state.pending, ...fresh.map((input) => ({ round, input }))] }
}

/** D5: the round machine gets each input once in its round and step ("for the first time" of L34, L36 and L47). */
function give(state: DriverState, input: RoundInput, proposer: Proposers): Turned {
  const key = hadKey(state, input)
  if (state.had.has(key)) return idle(state)
  const { state: round, output, rejected } = roundTransition(state.round, input)
  const next = { ...state, round, had: new Set(state.had).add(key) }
  if (output?.kind === "skip") return begin(next, output.round, proposer)
  return { ...say(next, output), rejected }
}

/** L11: a round begins. Of the one before only votes, proposals and what the round machine remembers stay. */
function begin(state: DriverState, round: Round, proposer: Proposers): Turned {
  const oldest = round - CONSENSUS_ROUNDS_BEHIND_MAX
  const fresh: DriverState = {
    ...state,
    votes: prune(state.votes, round),
    proposals: state.proposals.filter((one) => one.round >= oldest),
    pending: [],
    had: new Set(),
    said: new Set(),
    asked: false,
  }
  const isProposer = proposer(round) === state.me
  const began = roundTransition(state.round, { kind: "new-round", round, proposer: isProposer })
  return { ...say({ ...fresh, round: began.state }, began.output), rejected: began.rejected }
}

/** D6, and what the round machine does not know: who says it, with what proof. */
function say(state: DriverState, output: RoundOutput | null): Turned {
  if (output === null) return idle(state)
  const { height } = state.round
  switch (output.kind) {
    case "get-value":
      return does({ ...state, asked: true }, { kind: "get-value", height, round: output.round })
    case "proposal": {
      const { round, value, polRound } = output
      const polka = polRound < 0 ? null : certificate(state.votes, polRound, "prevote", value)
      const proposal = { height, round, value, polRound, proposer: state.me }
      return once(state, "proposal", { kind: "proposal", proposal, polka })
    }
    case "vote": {
      const { type, round, value } = output
      return once(state, type, { kind: "vote", vote: { type, height, round, value, voter: state.me } })
    }
    case "timeout":
      return does(state, { kind: "timeout", step: output.step, height, round: output.round })
    case "decision": {
      const { round, value } = output
      const commit = certificate(state.votes, round, "precommit", value) ?? []
      const decided = { ...state, decision: { round, value } }
      return does(decided, { kind: "decision", height, round, value, commit })
    }
    case "skip":
      return idle(state)
  }
}

function once(state: DriverState, what: Said, output: DriverOutput): Turned {
  if (state.said.has(what)) return refuse(state, "SAID")
  if (powerOf(state.validators, state.me) === 0n) return idle(state)
  return does({ ...state, said: new Set(state.said).add(what) }, output)
}

function hadKey({ round }: DriverState, input: RoundInput): string {
  return `${round.step} ${inputKey(input)}`
}

/** The same text for the same input. */
function inputKey(input: RoundInput): string {
  const { kind, round, value, polRound, step }: Partial<Record<string, unknown>> = { ...input }
  return [kind, round, value, polRound, step].join(" ")
}

function does(state: DriverState, output: DriverOutput): Turned {
  return { state, outputs: [output], rejected: null, refused: null }
}

function idle(state: DriverState): Turned {
  return { state, outputs: [], rejected: null, refused: null }
}

function refuse(state: DriverState, refused: DriverRefusal): Turned {
  return { state, outputs: [], rejected: null, refused }
}
