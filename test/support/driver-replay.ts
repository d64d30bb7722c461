import { turn } from "../../agent/core/consensus/driver/driver.ts"
import type { Turn } from "../../agent/core/consensus/driver/input.ts"
import type { DriverOutput, Turned } from "../../agent/core/consensus/driver/output.ts"
import { type DriverState, newDriver } from "../../agent/core/consensus/driver/state.ts"
import type { Address, Height, ValueId, Vote } from "../../agent/core/consensus/terms.ts"
import type { ValidatorSet } from "../../agent/core/consensus/validators.ts"
import { applyVote } from "../../agent/core/consensus/votes/keeper.ts"
import { asSet, asTagged, asText, type Itf, type Tagged } from "./itf.ts"
import {
  ERROR_OUTPUT,
  NO_OUTPUT,
  readProposal,
  readRoundInput,
  readTimeoutStep,
  readVote,
  writeRoundOutput,
} from "./tendermint-trace.ts"

/** What a process had of a height before it began there; the model does not write it into its traces. */
export type Unseen = readonly Vote[]

/** The network of a trace: its validators in their order, each with its power. */
export interface Network {
  readonly names: readonly Address[]
  readonly validators: ValidatorSet
}

/**
 * One process of a trace, one turn a step. See docs/spec/conformance.md#driver.
 * @param unseen by height
 * @returns what it does in each step
 */
export function replay(
  network: Network,
  me: Address,
  inputs: readonly Tagged[],
  unseen: ReadonlyMap<Height, Unseen>,
): readonly Tagged[] {
  let state = newDriver(me, 0, network.validators)
  return inputs.map((input) => {
    if (input.tag === "NoDInput") return NO_OUTPUT
    const turned = begins(input) ? begin(network, state, input, unseen) : take(network, state, input)
    state = turned.state
    return turned.rejected === null ? shown(turned.outputs, me) : ERROR_OUTPUT
  })
}

/** A process that came late begins with what it finds decided, or in the round where it finds the others. */
export function begins({ tag, value }: Tagged): boolean {
  if (tag !== "PendingDInput") return tag === "StartDInput"
  return /^(?:NewRound|ProposalAndCommit)/.test(asTagged(value).tag)
}

/** The model begins a height without saying so. */
function begin(network: Network, state: DriverState, input: Tagged, unseen: ReadonlyMap<Height, Unseen>): Turned {
  const height = state.decision === null ? state.round.height : state.round.height + 1
  const before = unseen.get(height) ?? []
  const newest = Math.max(0, ...before.map(({ round }) => round))
  let next = height === state.round.height ? state : newDriver(state.me, height, state.validators)
  for (const vote of before) next = { ...next, votes: applyVote(next.votes, vote, newest).keeper }
  const proposer = proposersAt(network, next, input)
  const started = turn(next, { kind: "start" }, proposer)
  if (input.tag === "StartDInput") return started
  // The model drops a decision that it found so, and decides when it is given the proposal.
  if (isDecision(input)) return { ...started, outputs: [] }
  return turn(started.state, { kind: "step-change" }, proposer)
}

function isDecision({ value }: Tagged): boolean {
  return asTagged(value).tag === "ProposalAndCommitAndValidCInput"
}

function take(network: Network, state: DriverState, input: Tagged): Turned {
  return turn(state, readTurn(state, input), proposersAt(network, state, input))
}

/** The model finds who proposes in a round that is skipped to as if it were the next one. */
function proposersAt({ names }: Network, { round }: DriverState, { tag }: Tagged): (of: number) => Address {
  return (of) => {
    const meant = tag !== "ProposalDInput" && of > round.round ? round.round + 1 : of
    return names[(meant + 1) % names.length]!
  }
}

function readTurn({ round }: DriverState, { tag, value }: Tagged): Turn {
  switch (tag) {
    case "ProposalDInput": {
      const proposal = readProposal(value)
      return { kind: "proposal", proposal, valid: proposal.value !== "invalid" }
    }
    case "VoteDInput":
      return { kind: "vote", vote: readVote(value) }
    case "CertificateDInput":
      return { kind: "certificate", votes: asSet(value).map(readVote) }
    case "TimeoutDInput":
      return { kind: "timeout", step: readTimeoutStep(value), height: round.height, round: round.round }
    case "ProposeValueDInput":
      return { kind: "value", height: round.height, round: round.round, value: asText(value) as ValueId }
    case "StepChangeDInput":
      return { kind: "step-change" }
    case "PendingDInput":
      return { kind: "pending", input: readRoundInput(value as Itf) }
    default:
      throw new TypeError(`no input of the driver: ${tag}`)
  }
}

/** What leaves the process; evidence is no output of the model. */
function shown(outputs: readonly DriverOutput[], me: Address): Tagged {
  for (const output of outputs) {
    switch (output.kind) {
      case "evidence":
        continue
      case "vote":
        return writeRoundOutput({ kind: "vote", ...output.vote }, me)
      case "proposal":
        return writeRoundOutput({ kind: "proposal", ...output.proposal }, me)
      case "get-value":
      case "timeout":
      case "decision":
        return writeRoundOutput(output, me)
    }
  }
  return NO_OUTPUT
}
