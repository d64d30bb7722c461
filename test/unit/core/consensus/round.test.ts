import assert from "node:assert/strict"
import fc from "fast-check"
import type { RoundInput } from "../../../../agent/core/consensus/round/input.ts"
import type { RoundOutput } from "../../../../agent/core/consensus/round/output.ts"
import { newHeight, type RoundState, type Step } from "../../../../agent/core/consensus/round/state.ts"
import { type RoundRejection, roundTransition } from "../../../../agent/core/consensus/round/transition.ts"
import { NO_ROUND, type ValueId } from "../../../../agent/core/consensus/terms.ts"
import { scaled } from "../../../support/scale.ts"

const A = "a" as ValueId
const B = "b" as ValueId
const STEPS: readonly Step[] = ["new", "unstarted", "propose", "prevote", "precommit", "commit"]

/** At height 5, in round 2, neither locked nor with a valid value. */
const at = (step: Step, changes: Partial<RoundState> = {}): RoundState => ({
  ...newHeight(5),
  round: 2,
  step,
  ...changes,
})
const locked = (value: ValueId, round: number) => ({
  lockedValue: value,
  lockedRound: round,
  validValue: value,
  validRound: round,
})
const prevote = (value: ValueId | null): RoundOutput => ({ kind: "vote", type: "prevote", height: 5, round: 2, value })
const precommit = (value: ValueId | null): RoundOutput => ({ ...prevote(value), type: "precommit" }) as RoundOutput
const timer = (step: "propose" | "prevote" | "precommit", round = 2): RoundOutput => ({ kind: "timeout", step, round })
const elapsed = (step: "propose" | "prevote" | "precommit", round = 2, height = 5): RoundInput => ({
  kind: "timeout",
  step,
  height,
  round,
})

interface Row {
  readonly name: string
  readonly from: RoundState
  readonly input: RoundInput
  readonly to: Partial<RoundState>
  readonly output: RoundOutput | null
}

const rows: readonly Row[] = [
  {
    name: "R1: the proposer of a round asks for a value (L18)",
    from: newHeight(5),
    input: { kind: "new-round", round: 0, proposer: true },
    to: { step: "propose", round: 0 },
    output: { kind: "get-value", height: 5, round: 0 },
  },
  {
    name: "R2: the proposer proposes its valid value again, with the round of its polka (L16)",
    from: at("unstarted", locked(A, 1)),
    input: { kind: "new-round", round: 3, proposer: true },
    to: { step: "propose", round: 3 },
    output: { kind: "proposal", height: 5, round: 3, value: A, polRound: 1 },
  },
  {
    name: "R3: who does not propose waits for a proposal so long (L21)",
    from: at("unstarted"),
    input: { kind: "new-round", round: 7, proposer: false },
    to: { step: "propose", round: 7 },
    output: timer("propose", 7),
  },
  {
    name: "R4: the value is proposed (L19)",
    from: at("propose"),
    input: { kind: "propose-value", value: A },
    to: {},
    output: { kind: "proposal", height: 5, round: 2, value: A, polRound: NO_ROUND },
  },
  {
    name: "R5: who is not locked prevotes the proposal (L24)",
    from: at("propose"),
    input: { kind: "proposal", value: A },
    to: { step: "prevote" },
    output: prevote(A),
  },
  {
    name: "R5: who is locked on the value prevotes it (L24)",
    from: at("propose", locked(A, 0)),
    input: { kind: "proposal", value: A },
    to: { step: "prevote" },
    output: prevote(A),
  },
  {
    name: "R6: who is locked on another value prevotes nil (L26)",
    from: at("propose", locked(B, 0)),
    input: { kind: "proposal", value: A },
    to: { step: "prevote" },
    output: prevote(null),
  },
  {
    name: "R7: an invalid proposal is prevoted nil (L26)",
    from: at("propose"),
    input: { kind: "proposal-invalid" },
    to: { step: "prevote" },
    output: prevote(null),
  },
  {
    name: "R8: a polka of the lock's round opens the lock (L29)",
    from: at("propose", locked(B, 1)),
    input: { kind: "proposal-and-polka-previous", value: A, polRound: 1 },
    to: { step: "prevote" },
    output: prevote(A),
  },
  {
    name: "R8: who is locked on the value needs no later polka (L29)",
    from: at("propose", locked(A, 1)),
    input: { kind: "proposal-and-polka-previous", value: A, polRound: 0 },
    to: { step: "prevote" },
    output: prevote(A),
  },
  {
    name: "R9: an older polka does not open the lock (L32)",
    from: at("propose", locked(B, 1)),
    input: { kind: "proposal-and-polka-previous", value: A, polRound: 0 },
    to: { step: "prevote" },
    output: prevote(null),
  },
  {
    name: "R10: an invalid value is prevoted nil, polka or not (L32)",
    from: at("propose"),
    input: { kind: "proposal-invalid-and-polka-previous", value: A },
    to: { step: "prevote" },
    output: prevote(null),
  },
  {
    name: "R11: prevotes of a quorum start the timer (L34)",
    from: at("prevote"),
    input: { kind: "polka-any" },
    to: {},
    output: timer("prevote"),
  },
  {
    name: "R12: a polka locks its value and is precommitted (L36-L43)",
    from: at("prevote", locked(B, 0)),
    input: { kind: "proposal-and-polka", value: A },
    to: { step: "precommit", ...locked(A, 2) },
    output: precommit(A),
  },
  {
    name: "R13: a polka after the precommit makes its value valid and locks nothing (L42)",
    from: at("precommit", locked(B, 0)),
    input: { kind: "proposal-and-polka", value: A },
    to: { validValue: A, validRound: 2 },
    output: null,
  },
  {
    name: "R14: a polka for nil is precommitted nil, and the lock stays (L44)",
    from: at("prevote", locked(B, 0)),
    input: { kind: "polka-nil" },
    to: { step: "precommit" },
    output: precommit(null),
  },
  ...STEPS.map((step) => ({
    name: `R15: precommits of a quorum start the timer, at ${step} (L47)`,
    from: at(step),
    input: { kind: "precommit-any" } as const,
    to: {},
    output: timer("precommit"),
  })),
  ...STEPS.filter((step) => step !== "commit").map((step) => ({
    name: `R16: a committed proposal of any round is decided, at ${step} (L49)`,
    from: at(step),
    input: { kind: "proposal-and-commit", round: 1, value: A } as const,
    to: { step: "commit" as const },
    output: { kind: "decision", round: 1, value: A } as const,
  })),
  {
    name: "R17: a third of the power in a later round is followed (L55)",
    from: at("prevote"),
    input: { kind: "round-skip", round: 9 },
    to: { step: "unstarted" },
    output: { kind: "skip", round: 9 },
  },
  {
    name: "R18: without a proposal nil is prevoted (L59)",
    from: at("propose"),
    input: elapsed("propose"),
    to: { step: "prevote" },
    output: prevote(null),
  },
  {
    name: "R18: without a polka nil is precommitted, and the lock stays (L63)",
    from: at("prevote", locked(B, 0)),
    input: elapsed("prevote"),
    to: { step: "precommit" },
    output: precommit(null),
  },
  {
    name: "R19: without a decision the next round comes (L67)",
    from: at("precommit"),
    input: elapsed("precommit"),
    to: { step: "unstarted" },
    output: { kind: "skip", round: 3 },
  },
]

/** At which steps an input is rejected, whatever else holds. */
const needs: readonly { input: RoundInput; steps: readonly Step[] }[] = [
  { input: { kind: "new-round", round: 3, proposer: false }, steps: ["new", "unstarted"] },
  { input: { kind: "proposal", value: A }, steps: ["propose"] },
  { input: { kind: "proposal-invalid" }, steps: ["propose"] },
  { input: { kind: "proposal-and-polka-previous", value: A, polRound: 1 }, steps: ["propose"] },
  { input: { kind: "polka-any" }, steps: ["prevote"] },
  { input: { kind: "polka-nil" }, steps: ["prevote"] },
  { input: { kind: "proposal-and-polka", value: A }, steps: ["prevote", "precommit"] },
  {
    input: { kind: "proposal-and-commit", round: 0, value: A },
    steps: ["new", "unstarted", "propose", "prevote", "precommit"],
  },
  { input: elapsed("propose"), steps: ["propose"] },
  { input: elapsed("prevote"), steps: ["prevote"] },
]

const otherRound: readonly { name: string; from: RoundState; input: RoundInput }[] = [
  { name: "a round that is over", from: at("unstarted"), input: { kind: "new-round", round: 2, proposer: true } },
  { name: "a skip to its own round", from: at("prevote"), input: { kind: "round-skip", round: 2 } },
  {
    name: "a polka of its own round as a previous one",
    from: at("propose"),
    input: { kind: "proposal-and-polka-previous", value: A, polRound: 2 },
  },
  {
    name: "a previous polka of no round",
    from: at("propose"),
    input: { kind: "proposal-and-polka-previous", value: A, polRound: NO_ROUND },
  },
  { name: "a timer of an earlier round", from: at("precommit"), input: elapsed("precommit", 1) },
  { name: "a timer of another height", from: at("precommit"), input: elapsed("precommit", 2, 4) },
]

function rejects(state: RoundState, input: RoundInput, why: RoundRejection): void {
  assert.deepEqual(roundTransition(state, input), { state, output: null, rejected: why })
}

describe("the round machine", () => {
  for (const { name, from, input, to, output } of rows) {
    it(name, () => {
      assert.deepEqual(roundTransition(from, input), { state: { ...from, ...to }, output, rejected: null })
    })
  }

  for (const { input, steps } of needs) {
    const name = input.kind === "timeout" ? `the timer of ${input.step}` : input.kind
    it(`takes ${name} at ${steps.join(", ")} only`, () => {
      for (const step of STEPS) {
        if (steps.includes(step)) assert.equal(roundTransition(at(step), input).rejected, null, step)
        else rejects(at(step), input, "WRONG_STEP")
      }
    })
  }

  for (const { name, from, input } of otherRound) {
    it(`rejects ${name}`, () => rejects(from, input, "WRONG_ROUND"))
  }

  const round = fc.integer({ min: 0, max: 4 })
  const value = fc.constantFrom(A, B)
  const inputs: fc.Arbitrary<RoundInput> = fc.oneof(
    fc.record({ kind: fc.constant("new-round" as const), round, proposer: fc.boolean() }),
    fc.record({ kind: fc.constantFrom("propose-value" as const, "proposal" as const), value }),
    fc.record({ kind: fc.constantFrom("proposal-invalid" as const, "polka-any" as const, "polka-nil" as const) }),
    fc.record({ kind: fc.constant("proposal-and-polka-previous" as const), value, polRound: round }),
    fc.record({ kind: fc.constant("proposal-and-polka" as const), value }),
    fc.record({ kind: fc.constant("precommit-any" as const) }),
    fc.record({ kind: fc.constant("proposal-and-commit" as const), round, value }),
    fc.record({ kind: fc.constant("round-skip" as const), round }),
    fc.record({
      kind: fc.constant("timeout" as const),
      step: fc.constantFrom("propose" as const, "prevote" as const, "precommit" as const),
      height: fc.constantFrom(5, 6),
      round,
    }),
  )

  it("never goes back a round, never forgets a lock, and changes nothing where it rejects", () => {
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 60 }), (all) => {
        let state = newHeight(5)
        for (const input of all) {
          const before = structuredClone(state)
          const next = roundTransition(state, input)
          assert.deepEqual(state, before, "the state it was given is as it was")
          assert.ok(next.state.round >= state.round && next.state.lockedRound >= state.lockedRound)
          assert.ok(next.state.lockedRound <= next.state.validRound)
          assert.equal(next.state.lockedRound === NO_ROUND, next.state.lockedValue === null)
          if (next.rejected !== null) assert.deepEqual(next, { state, output: null, rejected: next.rejected })
          state = next.state
        }
      }),
      { numRuns: scaled(500, 20_000) },
    )
  })
})
