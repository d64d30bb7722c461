import assert from "node:assert/strict"
import type { Input, InputKind } from "../../../../agent/core/execution/input.ts"
import type { RejectionCode } from "../../../../agent/core/execution/rejection.ts"
import { Step } from "../../../../agent/core/execution/step.ts"
import { createExecution, takeInput, transition, triggeredInput } from "../../../../agent/core/execution/transition.ts"
import { definitionOf, EXECUTION, eventOf, START_MS, Walk } from "../../../support/workflow.ts"

const atMs = START_MS
const waiting = { wait: { service: "s", event: "x", where: "true", timeout: "1m" } }
const tasks = { a: { run: "s.tries" }, z: { after: "a.ok", ...waiting }, late: { after: "z.timed-out" } }

/** How to come to each state of the table, for task `a` (index 0) or, waiting, task `z` (index 1). */
const STATES = {
  held: () => new Walk(definitionOf(tasks), { held: true }),
  opened: () => {
    const walk = new Walk(definitionOf(tasks), { held: true })
    // The effects of this step stay unanswered.
    const { state } = transition(walk.state, { kind: "released", atMs })
    return { state }
  },
  created: () => {
    const { state } = STATES.opened()
    return { state: transition(state, { kind: "prepared", atMs, task: 0, inputs: { n: 1 } }).state }
  },
  assigned: () => ({
    state: transition(STATES.created().state, { kind: "assigned", atMs, task: 0, core: "here" }).state,
  }),
  started: () => ({ state: transition(STATES.assigned().state, { kind: "started", atMs, task: 0 }).state }),
  submitted: () => ({
    state: transition(STATES.started().state, { kind: "submitted", atMs, task: 0, status: "ok", data: { n: 2 } }).state,
  }),
  retrying: () => ({ state: transition(STATES.started().state, failed("error")).state }),
  waiting: () => {
    const walk = new Walk(definitionOf(tasks))
    walk.end("a", "ok")
    return walk
  },
  judging: () => {
    const { state } = STATES.waiting()
    return { state: transition(state, { kind: "event", atMs, event: eventOf("x") }).state }
  },
  ended: () => {
    const walk = new Walk(definitionOf(tasks))
    walk.end("a", "no")
    return walk
  },
}

function failed(cause: "error" | "timed-out" | "interrupted", attempt = 1): Input {
  return { kind: "attempt-failed", atMs, task: 0, attempt, cause, code: "BOOM", message: "m", outcome: "known" }
}

const INPUTS: Readonly<Record<InputKind, Input>> = {
  triggered: triggeredInput(EXECUTION, eventOf("e"), atMs),
  released: { kind: "released", atMs },
  event: { kind: "event", atMs, event: eventOf("x") },
  judged: { kind: "judged", atMs, task: 1, number: 0, match: true },
  prepared: { kind: "prepared", atMs, task: 0, inputs: {} },
  unprepared: { kind: "unprepared", atMs, task: 0, code: "EXPRESSION_FAILED", message: "m" },
  assigned: { kind: "assigned", atMs, task: 0, core: "here" },
  started: { kind: "started", atMs, task: 0 },
  submitted: { kind: "submitted", atMs, task: 0, status: "ok", data: {} },
  verified: { kind: "verified", atMs, task: 0, correct: true },
  result: { kind: "result", atMs, task: 0, status: "ok", data: {} },
  "attempt-failed": failed("error"),
  elapsed: { kind: "elapsed", atMs: atMs + 60_000 },
  cancel: { kind: "cancel", atMs },
}

const NOT_STARTED = "TASK_NOT_STARTED"
const OUT = "INPUT_OUT_OF_TURN"
/** Per state what each input does: a rejection, or null where it is taken. Every pair is here. */
const TABLE: Readonly<Record<keyof typeof STATES, Readonly<Record<InputKind, RejectionCode | null>>>> = {
  held: row("EXECUTION_HELD", { released: null, cancel: null }),
  opened: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    prepared: null,
    unprepared: null,
    submitted: NOT_STARTED,
    result: NOT_STARTED,
    "attempt-failed": NOT_STARTED,
    cancel: null,
  }),
  created: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    assigned: null,
    submitted: NOT_STARTED,
    result: NOT_STARTED,
    "attempt-failed": NOT_STARTED,
    cancel: null,
  }),
  assigned: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    started: null,
    submitted: NOT_STARTED,
    result: NOT_STARTED,
    "attempt-failed": NOT_STARTED,
    cancel: null,
  }),
  started: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    submitted: null,
    result: null,
    "attempt-failed": null,
    cancel: null,
  }),
  submitted: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    verified: null,
    submitted: NOT_STARTED,
    result: NOT_STARTED,
    "attempt-failed": NOT_STARTED,
    cancel: null,
  }),
  retrying: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    submitted: NOT_STARTED,
    result: NOT_STARTED,
    "attempt-failed": NOT_STARTED,
    elapsed: null,
    cancel: null,
  }),
  waiting: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    submitted: "TASK_ENDED",
    result: "TASK_ENDED",
    "attempt-failed": "TASK_ENDED",
    elapsed: null,
    cancel: null,
  }),
  judging: row(OUT, {
    triggered: "EXECUTION_EXISTS",
    event: null,
    judged: null,
    submitted: "TASK_ENDED",
    result: "TASK_ENDED",
    "attempt-failed": "TASK_ENDED",
    elapsed: null,
    cancel: null,
  }),
  ended: row("EXECUTION_ENDED", {}),
}

function row(
  otherwise: RejectionCode,
  exceptions: Partial<Record<InputKind, RejectionCode | null>>,
): Record<InputKind, RejectionCode | null> {
  const kinds = Object.keys(INPUTS) as InputKind[]
  return Object.fromEntries(kinds.map((kind) => [kind, kind in exceptions ? exceptions[kind] : otherwise])) as Record<
    InputKind,
    RejectionCode | null
  >
}

describe("the transition of an execution", () => {
  for (const [name, kinds] of Object.entries(TABLE)) {
    describe(`in state ${name}`, () => {
      for (const [kind, rejected] of Object.entries(kinds)) {
        it(`${rejected === null ? "takes" : `answers ${rejected} to`} ${kind}`, () => {
          const { state } = STATES[name as keyof typeof STATES]()
          const next = transition(state, INPUTS[kind as InputKind])
          assert.equal(next.rejected, rejected)
          if (rejected === null) assert.notEqual(next.state, state)
          else assert.deepEqual({ same: next.state === state, effects: next.effects }, { same: true, effects: [] })
        })
      }
    })
  }

  for (const [name, kinds] of Object.entries(TABLE)) {
    describe(`that goes on, in state ${name}`, () => {
      for (const [kind, rejected] of Object.entries(kinds)) {
        if (rejected === null) continue
        it(`is not touched by ${kind}, which it does not take`, () => {
          const { state } = STATES[name as keyof typeof STATES]()
          const step = new Step(state)
          takeInput(step, INPUTS[kind as InputKind])
          assert.equal(step.state, state)
        })
      }
    })
  }

  const moves: { row: string; from: keyof typeof STATES; input: Input; to: [string, string]; effects: string[] }[] = [
    { row: "released", from: "held", input: INPUTS.released, to: ["running", "ready"], effects: ["prepare"] },
    { row: "prepared", from: "opened", input: INPUTS.prepared, to: ["running", "created"], effects: ["start"] },
    { row: "unprepared", from: "opened", input: INPUTS.unprepared, to: ["failed", "failed"], effects: [] },
    { row: "assigned", from: "created", input: INPUTS.assigned, to: ["running", "assigned"], effects: [] },
    { row: "started", from: "assigned", input: INPUTS.started, to: ["running", "started"], effects: ["execute"] },
    { row: "submitted", from: "started", input: INPUTS.submitted, to: ["running", "submitted"], effects: ["verify"] },
    { row: "verified", from: "submitted", input: INPUTS.verified, to: ["waiting", "succeeded"], effects: ["wake"] },
    {
      row: "verified, not confirmed",
      from: "submitted",
      input: { kind: "verified", atMs, task: 0, correct: false },
      to: ["failed", "failed"],
      effects: [],
    },
    { row: "result", from: "started", input: INPUTS.result, to: ["waiting", "succeeded"], effects: ["wake"] },
    {
      row: "result, not declared",
      from: "started",
      input: { kind: "result", atMs, task: 0, status: "perhaps", data: {} },
      to: ["failed", "failed"],
      effects: [],
    },
    {
      row: "result timed-out",
      from: "started",
      input: { kind: "result", atMs, task: 0, status: "timed-out", data: {} },
      to: ["failed", "timed-out"],
      effects: [],
    },
    {
      row: "attempt-failed, tries left",
      from: "started",
      input: failed("error"),
      to: ["running", "created"],
      effects: ["wake"],
    },
    {
      row: "elapsed, retry due",
      from: "retrying",
      input: { kind: "elapsed", atMs: atMs + 100 },
      to: ["running", "created"],
      effects: ["start"],
    },
    { row: "cancel", from: "started", input: INPUTS.cancel, to: ["cancelled", "cancelled"], effects: ["abort"] },
    {
      row: "cancel, not started yet",
      from: "created",
      input: INPUTS.cancel,
      to: ["cancelled", "cancelled"],
      effects: [],
    },
  ]
  describe("moves a task and the execution", () => {
    for (const { row: name, from, input, to, effects } of moves) {
      it(`${name}: to ${to.join(" / ")}, with ${effects.join(", ") || "no effect"}`, () => {
        const next = transition(STATES[from]().state, input)
        assert.deepEqual([next.state.status, next.state.tasks[0]!.state], to)
        assert.deepEqual(
          next.effects.map(({ kind }) => kind),
          effects,
        )
      })
    }
  })

  it("waits for its turn when it is held, with nothing running and no start time", () => {
    const { state, effects } = createExecution(
      definitionOf(tasks),
      triggeredInput(EXECUTION, eventOf("e"), atMs, { held: true }),
    )
    assert.deepEqual([state.status, state.startedMs, effects], ["created", null, []])
    assert.ok(state.tasks.every((task) => task.state === "idle"))
  })

  it("opens the wait with the event that is being judged, and looks at the next where it does not match", () => {
    const { state } = STATES.judging()
    const opened = transition(state, INPUTS.judged)
    assert.deepEqual(opened.state.tasks[1]!.event, eventOf("x"))
    assert.deepEqual(opened.effects, [{ kind: "prepare", task: 1 }])
    const second = transition(state, { kind: "event", atMs, event: eventOf("x", { second: true }) })
    assert.deepEqual(second.effects, [], "one judgement at a time")
    const next = transition(second.state, { kind: "judged", atMs, task: 1, number: 0, match: false })
    assert.deepEqual(next.effects, [{ kind: "judge", task: 1, number: 1, event: eventOf("x", { second: true }) }])
  })

  it("answers TASK_UNKNOWN for a task that is not there, whatever the input", () => {
    const { state } = STATES.started()
    for (const input of Object.values(INPUTS)) {
      if (!("task" in input)) continue
      for (const task of [-1, 3, 0.5, Number.NaN]) {
        assert.equal(transition(state, { ...input, task }).rejected, "TASK_UNKNOWN", `${input.kind} of task ${task}`)
      }
    }
  })

  it("keeps the trigger, the input data and what was returned as they came", () => {
    const walk = new Walk(definitionOf(tasks), { trigger: { kwh: 3 } })
    walk.end("a", "ok", { hash: "0xab" })
    assert.deepEqual(walk.state.trigger.data, { kwh: 3 })
    assert.deepEqual([walk.task("a").status, walk.task("a").data], ["ok", { hash: "0xab" }])
  })
})
