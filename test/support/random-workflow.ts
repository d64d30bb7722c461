import fc from "fast-check"
import type { Effect } from "../../agent/core/execution/effect.ts"
import type { Input } from "../../agent/core/execution/input.ts"
import { type Transition, transition } from "../../agent/core/execution/transition.ts"
import type { ExecutionState } from "../../agent/core/execution/state.ts"
import type { WorkflowDefinition } from "../../agent/core/workflow/definition.ts"
import { START_MS, definitionOf, eventOf, type TaskDocument } from "./workflow.ts"

const RUNS = ["s.t", "s.tries", "s.risky"]
const STATUSES = ["ok", "no", "error", "timed-out", "cancelled"]
const EVENTS = ["e", "x", "y"]

const status = fc.constantFrom(...STATUSES)
const wait = fc.record(
  {
    service: fc.constant("s"),
    event: fc.constantFrom(...EVENTS),
    where: fc.constant("data.k"),
    timeout: fc.constantFrom("0s", "1s", "1m"),
  },
  { requiredKeys: ["service", "event"] },
)

/** Workflows of one to eight tasks that keep every rule, with all kinds of joins and waits. */
export const workflow: fc.Arbitrary<WorkflowDefinition> = fc
  .array(
    fc.record({
      run: fc.constantFrom(...RUNS),
      parents: fc.array(fc.record({ at: fc.nat(), status }), { minLength: 1, maxLength: 3 }),
      join: fc.constantFrom("all", "any"),
      wait: fc.option(wait, { nil: undefined, freq: 3 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((drafts) => {
    const tasks: Record<string, TaskDocument> = {}
    drafts.forEach((draft, i) => {
      if (i === 0) {
        tasks["t0"] = { run: draft.run }
        return
      }
      const after = new Map<string, string>()
      for (const { at, status } of draft.parents) {
        const parent = `t${at % i}`
        // A join `all` names each task once, and no join a status twice.
        after.set(draft.join === "all" ? parent : `${parent}.${status}`, `${parent}.${status}`)
      }
      const { run, join, wait } = draft
      tasks[`t${i}`] = { run, join, after: [...after.values()], ...(wait === undefined ? {} : { wait: { ...wait } }) }
    })
    return definitionOf(tasks)
  })

/** What to do next: answer something that is open, or anything at all, fitting or not. */
export interface Move {
  readonly kind: "answer" | "anything"
  readonly input: Input["kind"]
  readonly pick: number
  readonly status: string
  readonly event: string
  readonly flag: boolean
  readonly passMs: number
}

export const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom("answer", "answer", "answer", "anything"),
  input: fc.constantFrom<Input["kind"]>(
    "released",
    "event",
    "judged",
    "prepared",
    "unprepared",
    "assigned",
    "started",
    "submitted",
    "verified",
    "result",
    "attempt-failed",
    "elapsed",
    "cancel",
  ),
  pick: fc.nat(1000),
  status: fc.constantFrom(...STATUSES, "ok", "ok", "perhaps"),
  event: fc.constantFrom(...EVENTS),
  flag: fc.boolean(),
  passMs: fc.constantFrom(0, 0, 1, 100, 60_000),
})

/** Plays moves on one execution; `after` sees every transition with the input and the state before it. */
export class RandomPlay {
  state: ExecutionState
  nowMs = START_MS
  readonly #open: Effect[]

  constructor(created: Transition) {
    this.state = created.state
    this.#open = [...created.effects]
  }

  /** @returns the input that the move stands for here */
  inputOf(move: Move): Input {
    this.nowMs += move.passMs
    if (move.kind === "anything" || this.#open.length === 0) return anything(move, this.nowMs)
    const open = this.#open.splice(move.pick % this.#open.length, 1)[0]!
    const assigned = open.kind === "start" && this.state.tasks[open.task]!.state === "assigned"
    // A task that wants a Core takes two answers: one that assigns it, one that starts it.
    if (open.kind === "start" && !assigned) this.#open.push(open)
    return answerTo(open, move, this.nowMs, assigned) ?? anything(move, this.nowMs)
  }

  play(input: Input): Transition {
    const next = transition(this.state, input)
    this.state = next.state
    this.#open.push(...next.effects)
    return next
  }
}

function answerTo(effect: Effect, { flag, status, pick }: Move, atMs: number, assigned: boolean): Input | null {
  switch (effect.kind) {
    case "judge":
      return { kind: "judged", atMs, task: effect.task, number: effect.number, match: flag }
    case "prepare":
      return pick % 5 === 0
        ? { kind: "unprepared", atMs, task: effect.task, code: "EXPRESSION_FAILED", message: "m" }
        : { kind: "prepared", atMs, task: effect.task, inputs: { pick } }
    case "start":
      return assigned
        ? { kind: "started", atMs, task: effect.task }
        : { kind: "assigned", atMs, task: effect.task, core: "here" }
    case "execute":
      if (pick % 9 === 0) return { kind: "submitted", atMs, task: effect.task, status, data: { pick } }
      return flag
        ? { kind: "result", atMs, task: effect.task, status, data: { pick } }
        : failure(effect.task, effect.attempt, pick, atMs)
    case "verify":
      return { kind: "verified", atMs, task: effect.task, correct: flag }
    case "wake":
      return { kind: "elapsed", atMs: Math.max(atMs, effect.atMs) }
    case "abort":
      return null
  }
}

function failure(task: number, attempt: number, pick: number, atMs: number): Input {
  const causes = ["error", "timed-out", "interrupted"] as const
  const outcome = pick % 2 === 0 ? ("known" as const) : ("unknown" as const)
  return { kind: "attempt-failed", atMs, task, attempt, cause: causes[pick % 3]!, code: "BOOM", message: "m", outcome }
}

function anything({ input, pick, status, event, flag }: Move, atMs: number): Input {
  const task = (pick % 10) - 1
  switch (input) {
    case "event":
      return { kind: "event", atMs, event: eventOf(event, { k: flag, pick }, atMs) }
    case "judged":
      return { kind: "judged", atMs, task, number: pick % 4, match: flag }
    case "prepared":
      return { kind: "prepared", atMs, task, inputs: null }
    case "unprepared":
      return { kind: "unprepared", atMs, task, code: "C", message: "m" }
    case "assigned":
      return { kind: "assigned", atMs, task, core: "there" }
    case "submitted":
    case "result":
      return { kind: input, atMs, task, status, data: { pick } }
    case "verified":
      return { kind: "verified", atMs, task, correct: flag }
    case "attempt-failed":
      return failure(task, pick % 3, pick, atMs)
    case "started":
      return { kind: "started", atMs, task }
    case "cancel":
      // Rarely: a cancelled execution has little left to do.
      return pick % 3 === 0 ? { kind: "cancel", atMs } : { kind: "started", atMs, task }
    case "released":
      return { kind: "released", atMs }
    default:
      return { kind: "elapsed", atMs }
  }
}
