import assert from "node:assert/strict"
import type { ApplicationName, ExecutionId } from "../../agent/base/ids.ts"
import type { WorkflowDefinition } from "../../agent/core/workflow/definition.ts"
import { storedSteps } from "./stored-steps.ts"
import type { StepRecord } from "../../agent/engine/executions/step-text.ts"
import type { TaskAnswer } from "../../agent/ports/service-host.ts"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { Json } from "../../agent/schema/json.ts"
import { compileWorkflow } from "../../agent/core/workflow/compile.ts"
import { type TestEngine, testEngine, type TestService } from "./engine.ts"
import type { FakeClock } from "./fake-clock.ts"
import { MemoryStore } from "./memory-store.ts"
import { applicationOf, catalogueOf, definitionOf, SERVICE_S, type TaskDocument, Walk } from "./workflow.ts"

/** What an execution left behind. */
export interface Recorded {
  readonly definition: WorkflowDefinition
  readonly steps: readonly StepRecord[]
}

type Tasks = Readonly<Record<string, TaskDocument>>
const wait = (event: string, more: Record<string, unknown> = {}) => ({ wait: { service: "s", event, ...more } })

/** What the tasks of a workflow answer, by name and in turn; without a word they answer `ok` at once. */
class Script {
  /** `null` comes when it is released, if ever. */
  readonly answers = new Map<string, (TaskAnswer | null)[]>()
  readonly #held = new Map<string, (answer: TaskAnswer) => void>()

  say(task: string, ...answers: (TaskAnswer | null)[]): this {
    this.answers.set(task, answers)
    return this
  }

  get service(): TestService {
    return {
      manifest: SERVICE_S,
      execute: ({ execution }) => {
        const name = execution.split(".")[1]!
        const queue = this.answers.get(name)
        const answer = queue === undefined ? result("ok") : (queue.shift() ?? null)
        return answer ?? new Promise<TaskAnswer>((resolve) => this.#held.set(name, resolve))
      },
    }
  }

  release(task: string, answer: TaskAnswer): void {
    this.#held.get(task)!(answer)
  }
}

const result = (status: string, data: Json = {}): TaskAnswer => ({ kind: "result", status, data })
const trouble = (outcome: "known" | "unknown" = "known"): TaskAnswer => ({
  kind: "error",
  code: "BOOM",
  message: "it broke",
  outcome,
})

class Recording {
  readonly script: Script
  readonly store: MemoryStore
  engine!: TestEngine
  readonly #document: object

  constructor(tasks: Tasks, script = new Script(), more: Record<string, unknown> = {}) {
    this.script = script
    this.store = new MemoryStore()
    this.#document = applicationOf(tasks, more)
  }

  async start(): Promise<this> {
    this.engine = await testEngine([this.script.service], { store: this.store })
    await this.engine.engine.applications.deploy(this.#document, {})
    return this
  }

  async emit(event: string, data: Json = {}, id: string | null = null): Promise<void> {
    await this.engine.engine.events.accept({ service: "s", event, data, id })
    await this.engine.settle()
  }

  /** The process ends and another one starts on what is durable. */
  async crash(): Promise<void> {
    const store = this.store.crash()
    const clock: FakeClock = this.engine.clock
    await this.engine.stop()
    this.engine = await testEngine([this.script.service], { store, clock, seed: 2 })
    await this.engine.settle()
  }

  list(): readonly ExecutionView[] {
    return this.engine.engine.executions.list({}).items
  }

  /** @param index among the executions, newest first */
  async end(index = 0): Promise<Recorded> {
    const { store } = this.engine
    const view = this.list()[index]
    assert.ok(view !== undefined, "there is an execution")
    const id = view.id as ExecutionId
    const steps = [...storedSteps(store, id)]
    const { document } = this.engine.engine.applications.show("app" as ApplicationName)
    await this.engine.stop()
    return { definition: compileWorkflow(document, "w", 1, {}, catalogueOf([SERVICE_S])), steps }
  }
}

/** What no Core does by itself yet is recorded from the state machine, a step for each input. */
function walked(tasks: Tasks, play: (walk: Walk) => void, options: { held?: boolean } = {}): () => Promise<Recorded> {
  return async () => {
    const walk = new Walk(definitionOf(tasks), options)
    play(walk)
    const steps = walk.inputs.map((input): StepRecord => ({ atMs: input.atMs, core: "ab".repeat(32), inputs: [input] }))
    return { definition: walk.definition, steps }
  }
}

const diamond = { a: {}, l: { after: "a.ok" }, r: { after: "a.ok" } }

/** By name of the history; a name is used once, for ever. */
export const SCENARIOS: Readonly<Record<string, () => Promise<Recorded>>> = {
  "one-task": async () => {
    const recording = await new Recording({ a: {} }).start()
    await recording.emit("e", { kwh: 12.5 }, "evt-1")
    return recording.end()
  },
  "three-steps-with-data": async () => {
    const script = new Script().say("pay", result("done", { hash: "0xab" }))
    const tasks = {
      pay: { run: "s.u", with: { amount: "{{ trigger.data.kwh * 3 }}" } },
      tell: { after: "pay.done", with: { text: "paid {{ tasks.pay.data.hash }}" } },
      standby: { after: "tell.ok" },
    }
    const recording = await new Recording(tasks, script).start()
    await recording.emit("e", { kwh: 4 })
    return recording.end()
  },
  "join-all-and-a-failed-branch": async () => {
    const script = new Script().say("x1", trouble())
    const recording = await new Recording(
      { ...diamond, z: { after: ["l.ok", "r.ok"] }, x1: { after: "z.ok" }, x2: { after: "z.ok" } },
      script,
    ).start()
    await recording.emit("e")
    return recording.end()
  },
  "join-any-started-once": async () => {
    const script = new Script().say("l", null)
    const recording = await new Recording({ ...diamond, z: { after: ["l.ok", "r.ok"], join: "any" } }, script).start()
    await recording.emit("e")
    script.release("l", result("ok"))
    await recording.engine.settle()
    return recording.end()
  },
  "error-wired": async () => {
    const script = new Script().say("a", trouble())
    const recording = await new Recording({ a: {}, mend: { after: "a.error" }, go: { after: "a.ok" } }, script).start()
    await recording.emit("e")
    return recording.end()
  },
  "undeclared-status": async () => {
    const recording = await new Recording(
      { a: {}, b: { after: "a.ok" } },
      new Script().say("a", result("perhaps")),
    ).start()
    await recording.emit("e")
    return recording.end()
  },
  "result-breaks-its-schema": async () => {
    const script = new Script().say("a", result("ok", { hash: 7 }))
    const recording = await new Recording({ a: { run: "s.strict", with: { n: 1 } } }, script).start()
    await recording.emit("e")
    return recording.end()
  },
  "inputs-break-their-schema": async () => {
    const recording = await new Recording({
      a: { run: "s.strict", with: { n: "{{ trigger.data.n }}" } },
      mend: { after: "a.error" },
    }).start()
    await recording.emit("e", { n: "text" })
    return recording.end()
  },
  "with-fails": async () => {
    const recording = await new Recording({ a: { with: { n: "{{ trigger.data.n * 2 }}" } } }).start()
    await recording.emit("e", { n: "text" })
    return recording.end()
  },
  "retries-then-succeeds": async () => {
    const script = new Script().say("a", trouble(), trouble(), result("ok", { third: true }))
    const recording = await new Recording({ a: { run: "s.tries" } }, script).start()
    await recording.emit("e")
    await recording.engine.pass(10_000)
    return recording.end()
  },
  "retries-used-up": async () => {
    const script = new Script().say("a", trouble(), trouble(), trouble())
    const recording = await new Recording({ a: { run: "s.tries" } }, script).start()
    await recording.emit("e")
    await recording.engine.pass(10_000)
    return recording.end()
  },
  "retry-still-due": async () => {
    const recording = await new Recording({ a: { run: "s.tries" } }, new Script().say("a", trouble())).start()
    await recording.emit("e")
    return recording.end()
  },
  "attempt-timed-out": async () => {
    const recording = await new Recording(
      { a: { timeout: "2s" }, late: { after: "a.timed-out" } },
      new Script().say("a", null),
    ).start()
    await recording.emit("e")
    await recording.engine.pass(10_000)
    return recording.end()
  },
  "effectful-outcome-unknown": async () => {
    const script = new Script().say("a", trouble("unknown"))
    const recording = await new Recording({ a: { run: "s.risky" } }, script).start()
    await recording.emit("e")
    return recording.end()
  },
  "interrupted-by-a-crash-and-run-again": async () => {
    const script = new Script().say("a", null, result("ok"))
    const recording = await new Recording({ a: { run: "s.tries" }, b: { after: "a.ok" } }, script).start()
    await recording.emit("e")
    await recording.crash()
    await recording.engine.pass(1000)
    return recording.end()
  },
  "interrupted-effectful": async () => {
    const script = new Script().say("a", null)
    const recording = await new Recording({ a: { run: "s.risky" }, mend: { after: "a.error" } }, script).start()
    await recording.emit("e")
    await recording.crash()
    return recording.end()
  },
  "event-first": async () => {
    const script = new Script().say("a", null)
    const recording = await new Recording(
      { a: {}, z: { after: "a.ok", ...wait("x", { where: "data.k = trigger.data.k" }) } },
      script,
    ).start()
    await recording.emit("e", { k: 1 })
    await recording.emit("x", { k: 2 })
    await recording.emit("x", { k: 1, n: 1 })
    await recording.emit("x", { k: 1, n: 2 })
    script.release("a", result("ok"))
    await recording.engine.settle()
    return recording.end()
  },
  "event-after-the-statuses": async () => {
    const tasks = {
      a: {},
      z: { after: "a.ok", with: { n: "{{ event.data.n }}" }, ...wait("x", { where: "data.k > trigger.data.k" }) },
    }
    const recording = await new Recording(tasks).start()
    await recording.emit("e", { k: 1 })
    await recording.emit("x", { k: "text" })
    await recording.emit("x", { k: 2, n: 7 })
    return recording.end()
  },
  "two-waits-on-one-path": async () => {
    const recording = await new Recording({
      a: {},
      m: { after: "a.ok", ...wait("x") },
      n: { after: "m.ok", ...wait("x") },
    }).start()
    await recording.emit("e")
    await recording.emit("x", { n: 1 })
    await recording.emit("x", { n: 2 })
    return recording.end()
  },
  "one-event-for-two-waits": async () => {
    const recording = await new Recording({
      a: {},
      m: { after: "a.ok", ...wait("x") },
      n: { after: "a.ok", ...wait("x") },
    }).start()
    await recording.emit("e")
    await recording.emit("x")
    return recording.end()
  },
  "wait-timed-out": async () => {
    const tasks = { a: {}, z: { after: "a.ok", ...wait("x", { timeout: "1m" }) }, late: { after: "z.timed-out" } }
    const recording = await new Recording(tasks).start()
    await recording.emit("e")
    await recording.engine.pass(60_000)
    return recording.end()
  },
  "waiting-over-a-crash": async () => {
    const recording = await new Recording({ a: {}, z: { after: "a.ok", ...wait("x", { timeout: "1h" }) } }).start()
    await recording.emit("e")
    await recording.crash()
    await recording.emit("x")
    return recording.end()
  },
  "still-waiting": async () => {
    const recording = await new Recording({ a: {}, z: { after: "a.ok", ...wait("x") }, n: { after: "z.ok" } }).start()
    await recording.emit("e")
    return recording.end()
  },
  cancelled: async () => {
    const script = new Script().say("a", null)
    const recording = await new Recording(
      { a: {}, tidy: { after: "a.cancelled" }, b: { after: "a.ok" } },
      script,
    ).start()
    await recording.emit("e")
    await recording.engine.engine.executions.cancel(recording.list()[0]!.id as ExecutionId)
    await recording.engine.settle()
    return recording.end()
  },
  "cancelled-while-waiting": async () => {
    const recording = await new Recording({ a: {}, z: { after: "a.ok", ...wait("x") } }).start()
    await recording.emit("e")
    await recording.engine.engine.executions.cancel(recording.list()[0]!.id as ExecutionId)
    return recording.end()
  },
  "retried-by-hand": async () => {
    const script = new Script().say("a", trouble(), result("ok"))
    const recording = await new Recording({ a: {} }, script).start()
    await recording.emit("e", { n: 1 }, "evt-2")
    await recording.engine.engine.executions.retry(recording.list()[0]!.id as ExecutionId)
    await recording.engine.settle()
    return recording.end()
  },
  "held-and-released": async () => {
    const script = new Script().say("a", null, result("ok"))
    const trigger = { trigger: { service: "s", event: "e", overlap: "queue" } }
    const recording = await new Recording({ a: {} }, script, trigger).start()
    await recording.emit("e", { n: 1 })
    await recording.emit("e", { n: 2 })
    await recording.engine.engine.executions.cancel(recording.list()[1]!.id as ExecutionId)
    await recording.engine.settle()
    return recording.end()
  },
  debounced: async () => {
    const trigger = { trigger: { service: "s", event: "e", debounce: "10s" } }
    const recording = await new Recording({ a: {} }, new Script(), trigger).start()
    await recording.emit("e", { n: 1 })
    await recording.emit("e", { n: 2 })
    await recording.engine.pass(10_000)
    return recording.end()
  },
  "public-output": async () => {
    const more = { visibility: "public", outputs: { paid: { from: "a.ok" }, late: { from: "b.ok" } } }
    const recording = await new Recording({ a: {}, b: { after: "a.ok" } }, new Script(), more).start()
    await recording.emit("e")
    return recording.end()
  },
  "held-and-cancelled": walked({ a: {} }, (walk) => walk.cancel(), { held: true }),
  "kept-events-overflow": walked({ a: {}, z: { after: "a.ok", ...wait("x") } }, (walk) => {
    for (let n = 0; n < 102; n++) walk.event("x", { n })
    walk.end("a", "ok")
  }),
  "submitted-and-verified": walked({ a: {}, b: { after: "a.ok" } }, (walk) => {
    walk.feed({ kind: "submitted", atMs: walk.nowMs, task: 0, status: "ok", data: { hash: "0xab" } })
    walk.feed({ kind: "verified", atMs: walk.nowMs + 5, task: 0, correct: true })
    walk.end("b", "ok")
  }),
  "submitted-and-not-confirmed": walked({ a: {}, b: { after: "a.error" } }, (walk) => {
    walk.feed({ kind: "submitted", atMs: walk.nowMs, task: 0, status: "ok", data: { hash: "0xab" } })
    walk.feed({ kind: "verified", atMs: walk.nowMs + 5, task: 0, correct: false })
  }),
  "still-submitted": walked({ a: {} }, (walk) => {
    walk.feed({ kind: "submitted", atMs: walk.nowMs, task: 0, status: "ok", data: {} })
  }),
}
