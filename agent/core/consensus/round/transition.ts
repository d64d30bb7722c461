/*
 * One process of Tendermint at one height. Total and pure: an input that does not fit changes nothing and says so.
 * "Paper" is arXiv 1807.04938, Algorithm 1; rules R1..R19 are docs/spec/consensus.md#round-machine.
 *
 * | rule | paper    | step           | input                               | guard              | next      | output               |
 * |------|----------|----------------|-------------------------------------|--------------------|-----------|----------------------|
 * | R1   | L14, L18 | new, unstarted | new-round, proposer                 | later, no valid v  | propose   | get-value, timer     |
 * | R2   | L14, L16 | new, unstarted | new-round, proposer                 | later, a valid v   | propose   | proposal(v, vr)      |
 * | R3   | L20, L21 | new, unstarted | new-round                           | later              | propose   | timer propose        |
 * | R4   | L19      | any            | propose-value(v)                    |                    |           | proposal(v, vr)      |
 * | R5   | L22, L24 | propose        | proposal(v)                         | unlocked, or on v  | prevote   | prevote v            |
 * | R6   | L22, L26 | propose        | proposal(v)                         | locked on another  | prevote   | prevote nil          |
 * | R7   | L22, L26 | propose        | proposal-invalid                    |                    | prevote   | prevote nil          |
 * | R8   | L28, L30 | propose        | proposal-and-polka-previous(v, vr)  | lock <= vr, or v   | prevote   | prevote v            |
 * | R9   | L28, L32 | propose        | proposal-and-polka-previous(v, vr)  | locked later       | prevote   | prevote nil          |
 * | R10  | L28, L32 | any            | proposal-invalid-and-polka-previous |                    | prevote   | prevote nil          |
 * | R11  | L34      | prevote        | polka-any                           |                    |           | timer prevote        |
 * | R12  | L36-L43  | prevote        | proposal-and-polka(v)               |                    | precommit | precommit v; lock v  |
 * | R13  | L36, L42 | precommit      | proposal-and-polka(v)               |                    |           | v is valid           |
 * | R14  | L44      | prevote        | polka-nil                           |                    | precommit | precommit nil        |
 * | R15  | L47      | any            | precommit-any                       |                    |           | timer precommit      |
 * | R16  | L49-L51  | all but commit | proposal-and-commit(r, v)           |                    | commit    | decision(r, v)       |
 * | R17  | L55      | any            | round-skip(r)                       | r is later         | unstarted | skip(r)              |
 * | R18  | L57-L60  | propose        | timeout propose                     | of this round      | prevote   | prevote nil          |
 * |      | L61-L64  | prevote        | timeout prevote                     | of this round      | precommit | precommit nil        |
 * | R19  | L65-L67  | any            | timeout precommit                   | of this round      | unstarted | skip(round + 1)      |
 *
 * "later": than the state's round. Where a row says "any" the paper's own guard (for the first time, while step =
 * propose, not yet decided) is the driver's to hold: rules D1..D6 there.
 */
import type { ValueId, VoteType } from "../terms.ts"
import type { RoundInput } from "./input.ts"
import type { RoundOutput } from "./output.ts"
import type { RoundState, Step } from "./state.ts"

/** Why an input changed nothing: the state is in another step, or the input is of another round. */
export type RoundRejection = "WRONG_STEP" | "WRONG_ROUND"

export interface RoundTransition {
  readonly state: RoundState
  readonly output: RoundOutput | null
  readonly rejected: RoundRejection | null
}

type Of<Kind extends RoundInput["kind"]> = Extract<RoundInput, { kind: Kind }>

/** The next state of one process. @see docs/spec/consensus.md#round-machine */
export function roundTransition(state: RoundState, input: RoundInput): RoundTransition {
  switch (input.kind) {
    case "new-round": // R1, R2, R3
      return beginRound(state, input)
    case "propose-value": // R4: L19
      return outputs(state, propose(state, input.value))
    case "proposal": // R5, R6: L22
      return state.step === "propose" ? prevote(state, mayPrevote(state, input.value)) : rejects(state, "WRONG_STEP")
    case "proposal-invalid": // R7: L26
      return state.step === "propose" ? prevote(state, null) : rejects(state, "WRONG_STEP")
    case "proposal-and-polka-previous": // R8, R9: L28
      return prevoteAgain(state, input)
    case "proposal-invalid-and-polka-previous": // R10: L32
      return prevote(state, null)
    case "polka-any": // R11: L34
      return state.step === "prevote" ? timer(state, "prevote") : rejects(state, "WRONG_STEP")
    case "proposal-and-polka": // R12, R13: L36
      return lock(state, input.value)
    case "polka-nil": // R14: L44
      return state.step === "prevote" ? precommit(state, null) : rejects(state, "WRONG_STEP")
    case "precommit-any": // R15: L47
      return timer(state, "precommit")
    case "proposal-and-commit": // R16: L49
      return decide(state, input)
    case "round-skip": // R17: L55
      return input.round > state.round ? leave(state, input.round) : rejects(state, "WRONG_ROUND")
    case "timeout": // R18, R19: L57, L61, L65
      return elapse(state, input)
  }
}

function beginRound(state: RoundState, { round, proposer }: Of<"new-round">): RoundTransition {
  if (state.step !== "new" && state.step !== "unstarted") return rejects(state, "WRONG_STEP")
  if (round <= state.round) return rejects(state, "WRONG_ROUND")
  const next: RoundState = { ...state, round, step: "propose" }
  if (!proposer) return timer(next, "propose") // R3: L21
  if (next.validValue === null) return outputs(next, { kind: "get-value", height: next.height, round }) // R1: L18
  return outputs(next, propose(next, next.validValue)) // R2: L16, L19
}

function propose({ height, round, validRound }: RoundState, value: ValueId): RoundOutput {
  return { kind: "proposal", height, round, value, polRound: validRound }
}

/** L23: who is locked on another value says nil. */
function mayPrevote({ lockedRound, lockedValue }: RoundState, value: ValueId): ValueId | null {
  return lockedRound < 0 || lockedValue === value ? value : null
}

function prevoteAgain(state: RoundState, { value, polRound }: Of<"proposal-and-polka-previous">): RoundTransition {
  if (state.step !== "propose") return rejects(state, "WRONG_STEP")
  if (polRound < 0 || polRound >= state.round) return rejects(state, "WRONG_ROUND")
  // L29: a polka at or after the lock opens it.
  const open = state.lockedRound <= polRound || state.lockedValue === value
  return prevote(state, open ? value : null)
}

function lock(state: RoundState, value: ValueId): RoundTransition {
  const valid = { ...state, validValue: value, validRound: state.round } // L42, L43
  if (state.step === "precommit") return outputs(valid, null)
  if (state.step !== "prevote") return rejects(state, "WRONG_STEP")
  return precommit({ ...valid, lockedValue: value, lockedRound: state.round }, value) // L38, L39
}

function decide(state: RoundState, { round, value }: Of<"proposal-and-commit">): RoundTransition {
  if (state.step === "commit") return rejects(state, "WRONG_STEP")
  return outputs({ ...state, step: "commit" }, { kind: "decision", round, value })
}

function elapse(state: RoundState, { step, height, round }: Of<"timeout">): RoundTransition {
  if (height !== state.height || round !== state.round) return rejects(state, "WRONG_ROUND")
  switch (step) {
    case "propose":
      return state.step === "propose" ? prevote(state, null) : rejects(state, "WRONG_STEP")
    case "prevote":
      return state.step === "prevote" ? precommit(state, null) : rejects(state, "WRONG_STEP")
    case "precommit":
      return leave(state, round + 1)
  }
}

function leave(state: RoundState, round: number): RoundTransition {
  return outputs({ ...state, step: "unstarted" }, { kind: "skip", round })
}

/** L27, L33, L60. */
function prevote(state: RoundState, value: ValueId | null): RoundTransition {
  return vote({ ...state, step: "prevote" }, "prevote", value)
}

/** L41, L46, L64. */
function precommit(state: RoundState, value: ValueId | null): RoundTransition {
  return vote({ ...state, step: "precommit" }, "precommit", value)
}

function vote(state: RoundState, type: VoteType, value: ValueId | null): RoundTransition {
  return outputs(state, { kind: "vote", type, height: state.height, round: state.round, value })
}

function timer(state: RoundState, step: Exclude<Step, "new" | "unstarted" | "commit">): RoundTransition {
  return outputs(state, { kind: "timeout", step, round: state.round })
}

function outputs(state: RoundState, output: RoundOutput | null): RoundTransition {
  return { state, output, rejected: null }
}

function rejects(state: RoundState, rejected: RoundRejection): RoundTransition {
  return { state, output: null, rejected }
}
