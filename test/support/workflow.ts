import assert from "node:assert/strict"
import type { ExecutionId, ServiceId } from "../../agent/base/ids.ts"
import { branchesOf } from "../../agent/core/execution/branches.ts"
import type { Effect } from "../../agent/core/execution/effect.ts"
import type { Input } from "../../agent/core/execution/input.ts"
import type { RejectionCode } from "../../agent/core/execution/rejection.ts"
import type { ExecutionState } from "../../agent/core/execution/state.ts"
import { createExecution, transition, triggeredInput } from "../../agent/core/execution/transition.ts"
import { type Catalogue, compileWorkflow } from "../../agent/core/workflow/compile.ts"
import type { WorkflowDefinition } from "../../agent/core/workflow/definition.ts"
import type { ExpressionReader } from "../../agent/core/workflow/expressions.ts"
import { checkApplication } from "../../agent/core/workflow/rules.ts"
import type { Application } from "../../agent/schema/application.ts"
import type { Event } from "../../agent/schema/event.ts"
import type { Json } from "../../agent/schema/json.ts"
import type { Manifest } from "../../agent/schema/manifest.ts"
import { checkManifest } from "../../agent/schema/manifest-check.ts"

const anything = { type: "object" }
const statuses = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { data: anything }]))

const closed = (name: string) => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  additionalProperties: false,
})

/** Service `s` of the tests: events e (the trigger), x, y, and z, which has only `n`; a task of each kind. */
export const SERVICE_S = manifest({
  id: "s",
  name: "S",
  version: "1.0.0",
  events: { e: { data: anything }, x: { data: anything }, y: { data: anything }, z: { data: closed("n") } },
  tasks: {
    t: { inputs: anything, statuses: statuses("ok", "no"), effect: "pure" },
    u: { inputs: anything, statuses: statuses("done", "part", "none"), effect: "idempotent" },
    risky: { inputs: anything, statuses: statuses("ok", "no"), effect: "effectful", retry: { attempts: 3 } },
    tries: {
      inputs: anything,
      statuses: statuses("ok", "no"),
      effect: "idempotent",
      retry: { attempts: 3, backoffMs: 100, factor: 2 },
    },
    strict: {
      inputs: { type: "object", properties: { n: { type: "number" } }, required: ["n"], additionalProperties: false },
      statuses: {
        ok: { data: { type: "object", properties: { hash: { type: "string" } }, required: ["hash"] } },
        no: {},
      },
      effect: "pure",
    },
    exact: {
      inputs: anything,
      statuses: { ok: { data: closed("hash") }, no: { data: closed("reason") } },
      effect: "pure",
    },
  },
})

/** Takes every expression as it is. */
export const NO_EXPRESSIONS: ExpressionReader = { check: () => null, paths: () => [] }

export const START_MS = Date.UTC(2026, 0, 1)
export const EXECUTION = "ex_00000000000000000000000000" as ExecutionId

function manifest(document: unknown): Manifest {
  const checked = checkManifest(document)
  assert.ok(checked.ok, JSON.stringify(checked))
  return checked.manifest
}

/** A catalogue of these manifests and public applications. */
export function catalogueOf(manifests: readonly Manifest[], applications: readonly Application[] = []): Catalogue {
  return {
    manifest: (id) => manifests.find((one) => one.id === id),
    application: (name) => applications.find((one) => one.name === name),
  }
}

export type TaskDocument = { readonly run?: string; readonly after?: string | readonly string[] } & Record<
  string,
  unknown
>

/** An application of one workflow `w`; a task runs `s.t` where it does not say otherwise. */
export function applicationOf(tasks: Readonly<Record<string, TaskDocument>>, more: Record<string, unknown> = {}) {
  const { trigger = { service: "s", event: "e" }, ...rest } = more
  const whole = Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, { run: "s.t", ...task }]))
  return { name: "app", workflows: { w: { trigger, tasks: whole } }, ...rest }
}

/** The compiled workflow; fails where the rules refuse it. */
export function definitionOf(
  tasks: Readonly<Record<string, TaskDocument>>,
  more: Record<string, unknown> = {},
): WorkflowDefinition {
  const catalogue = catalogueOf([SERVICE_S])
  const { application, refusals } = checkApplication(applicationOf(tasks, more), catalogue, NO_EXPRESSIONS)
  assert.deepEqual(refusals, [])
  return compileWorkflow(application!, "w", 1, {}, catalogue)
}

export function eventOf(event: string, data: Json = {}, timeMs = START_MS): Event {
  return { service: "s" as ServiceId, event, data, id: null, timeMs }
}

/** What a wait's `where` says of an event; it is asked in place of an expression. */
export type Judge = (task: string, event: Event, state: ExecutionState) => boolean

/**
 * One execution driven by hand. Effects that only evaluate are answered at once, and a task that wants a Core gets one,
 * unless `busy` says that there is none.
 */
export class Walk {
  readonly definition: WorkflowDefinition
  readonly inputs: Input[] = []
  readonly effects: Effect[] = []
  /** Names of the tasks that began to run since the last look. */
  started: string[] = []
  busy = false
  nowMs = START_MS
  rejected: RejectionCode | null = null
  #state: ExecutionState
  readonly #judge: Judge

  constructor(
    definition: WorkflowDefinition,
    options: { held?: boolean; judge?: Judge; trigger?: Json; prepare?: boolean } = {},
  ) {
    this.definition = definition
    this.#judge = options.judge ?? (() => true)
    const first = triggeredInput(EXECUTION, eventOf("e", options.trigger ?? {}), START_MS, {
      held: options.held ?? false,
    })
    const created = createExecution(definition, first)
    this.inputs.push(first)
    this.#state = created.state
    this.#answer(created.effects)
  }

  get state(): ExecutionState {
    return this.#state
  }

  index(task: string): number {
    const index = this.definition.tasks.findIndex(({ name }) => name === task)
    assert.ok(index >= 0, `there is no task ${task}`)
    return index
  }

  task(name: string) {
    return this.#state.tasks[this.index(name)]!
  }

  feed(input: Input): RejectionCode | null {
    const { state, effects, rejected } = transition(this.#state, input)
    this.rejected = rejected
    if (rejected === null) this.inputs.push(input)
    this.#state = state
    this.#answer(effects)
    return rejected
  }

  /** The result of a running task. */
  end(task: string, status: string, data: Json = {}): RejectionCode | null {
    return this.feed({ kind: "result", atMs: this.nowMs, task: this.index(task), status, data })
  }

  /** An external event. */
  event(event: string, data: Json = {}): RejectionCode | null {
    return this.feed({ kind: "event", atMs: this.nowMs, event: eventOf(event, data, this.nowMs) })
  }

  fail(task: string, more: Partial<Input & { kind: "attempt-failed" }> = {}): RejectionCode | null {
    const index = this.index(task)
    const { attempts } = this.#state.tasks[index]!
    return this.feed({
      kind: "attempt-failed",
      atMs: this.nowMs,
      task: index,
      attempt: attempts,
      cause: "error",
      code: "BOOM",
      message: "it broke",
      outcome: "known",
      ...more,
    })
  }

  /** Time passes and the timer rings. */
  pass(ms: number): RejectionCode | null {
    this.nowMs += ms
    return this.feed({ kind: "elapsed", atMs: this.nowMs })
  }

  cancel(): RejectionCode | null {
    return this.feed({ kind: "cancel", atMs: this.nowMs })
  }

  /** Names of the tasks that began to run since this was asked last, sorted. */
  takeStarted(): string[] {
    return this.started.splice(0).sort()
  }

  branches(): Record<string, string> {
    const name = (task: number) => this.definition.tasks[task]!.name
    return Object.fromEntries(
      branchesOf(this.#state).map(({ path, status }) => [path.map(name).join(" "), status] as const),
    )
  }

  #answer(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.effects.push(effect)
      const atMs = this.nowMs
      if (effect.kind === "judge") {
        const { task, number, event } = effect
        const match = this.#judge(this.definition.tasks[task]!.name, event, this.#state)
        this.feed({ kind: "judged", atMs, task, number, match })
      } else if (effect.kind === "prepare") {
        this.feed({ kind: "prepared", atMs, task: effect.task, inputs: {} })
      } else if (effect.kind === "start" && !this.busy) {
        this.feed({ kind: "assigned", atMs, task: effect.task, core: "here" })
        this.feed({ kind: "started", atMs, task: effect.task })
      } else if (effect.kind === "execute") this.started.push(this.definition.tasks[effect.task]!.name)
    }
  }
}
