import type { TaskExecutionId } from "../../base/ids.ts"
import {
  PURE_TASKS_RUNNING_PER_TASK_MAX,
  TASK_CANCEL_GRACE_MS,
  TASK_RECOVER_TIMEOUT_MS,
  TASKS_RUNNING_PER_TASK_MAX,
} from "../../base/limits.ts"
import { type Soon, soon } from "../../base/soon.ts"
import { SlotMap } from "../../base/slot-map.ts"
import type { TaskDefinition } from "../../core/workflow/definition.ts"
import type { Clock } from "../../ports/clock.ts"
import type { RecoverAnswer, RunningService, Stop, TaskAnswer, TaskCall } from "../../ports/service-host.ts"
import type { Json } from "../../schema/json.ts"

/** How one attempt ended: with the task's one status, without, or with the run of the service that it ran in. */
export type AttemptEnd =
  | { readonly kind: "result"; readonly status: string; readonly data: Json }
  | {
      readonly kind: "failed"
      readonly cause: "error" | "timed-out"
      readonly code: string
      readonly message: string
      readonly outcome: "known" | "unknown"
    }
  | { readonly kind: "interrupted"; readonly outcome: "known" | "unknown" }

export interface Attempt {
  /** The idempotency key: the same over every attempt. */
  readonly execution: TaskExecutionId
  readonly definition: TaskDefinition
  readonly inputs: Json
  /** The inputs hold a secret: they stay on this machine. */
  readonly isSecret?: true
  /** Why it cannot be handed over at all. */
  readonly blocked?: { readonly code: string; readonly message: string }
}

/** Who runs tasks: services of this Core, and public applications used as tasks. */
export interface Executors {
  /** Waits while the service is starting or restarting. @returns null where there is none, or the signal aborted */
  service(id: string, stop: Stop): Soon<RunningService | null>
  application(name: string, call: TaskCall, signal: AbortSignal): Promise<TaskAnswer>
  /** Whether somebody ended this run of the service: another one may take its place. */
  wasStopped(id: string, run: RunningService): boolean
  /** Whether the service is reached over MQTT, where messages wait in queues. */
  isRemote(service: string): boolean
}

/** Runs attempts: slots per task, deadlines, cancellation. Knows nothing of executions beyond their key. */
export class Tasks {
  readonly #clock: Clock
  readonly #executors: Executors
  readonly #lanes = new Map<string, Lane>()
  /** The same, by the definitions that were asked for: names are put together once. */
  readonly #laneOf = new WeakMap<TaskDefinition, Lane>()
  readonly #running = new SlotMap<TaskExecutionId, Running>()
  #stopped = false

  constructor(clock: Clock, executors: Executors) {
    this.#clock = clock
    this.#executors = executors
  }

  /**
   * Takes a slot for one attempt, or queues it: a slow task only delays others of its own kind.
   * @param concurrency slots of this task; null for the default
   * @param begin called when a queued one's slot is free; resolves to whether it was still wanted
   */
  place(definition: TaskDefinition, concurrency: number | null, begin: () => Promise<boolean>): boolean {
    const lane = this.#lane(definition)
    if (lane === null) return true
    const slots = definition.effect === "pure" ? PURE_TASKS_RUNNING_PER_TASK_MAX : TASKS_RUNNING_PER_TASK_MAX
    if (lane.busy < (concurrency ?? slots)) {
      lane.busy++
      return true
    }
    lane.queue.push(begin)
    return false
  }

  /** Takes a slot and begins, when there is one. A slot that was not wanted any more is given back. */
  begin(definition: TaskDefinition, concurrency: number | null, begin: () => Promise<boolean>): void {
    if (this.place(definition, concurrency, begin)) this.#begin(definition, begin)
  }

  queued(): number {
    let sum = 0
    for (const lane of this.#lanes.values()) sum += lane.queue.length
    return sum
  }

  running(): number {
    return this.#running.size
  }

  /**
   * Runs one attempt whose slot is taken.
   * @param end called once with an answer that takes time, except after `abort`
   * @returns the answer that is there at once, else null
   */
  execute(attempt: Attempt, end: (end: AttemptEnd) => Promise<unknown>): AttemptEnd | null {
    if (this.#stopped) return null
    const { execution, definition } = attempt
    const call = this.#call(attempt)
    const controller = new AbortController()
    const answering = this.#answer(attempt, call, controller)
    if (!(answering instanceof Promise)) {
      this.#release(definition)
      return answering
    }
    let timedOut = false
    const running = new Running(this.#clock, controller, (answer) => {
      cancelTimer()
      if (this.#running.get(execution) === running) this.#running.delete(execution)
      const aborted = running.signal.aborted && !timedOut
      // First, so that what follows may take the slot in the step that records this end.
      this.#release(definition)
      if (!aborted && !this.#stopped) {
        // The one who records it answers for failures: the store's end stops the agent.
        end(timedOut ? lateEnd(definition) : answer).catch(() => {})
      }
    })
    this.#running.set(execution, running)
    const cancelTimer =
      definition.timeoutMs > 0
        ? this.#clock.schedule(call.deadlineMs, () => {
            timedOut = true
            running.abort()
          })
        : () => {}
    answering.then(
      (answer) => running.end(answer),
      (error) => running.end(brokenEnd(error)),
    )
    return null
  }

  /** Ends an attempt without an end: the execution has moved on. */
  abort(execution: TaskExecutionId): void {
    this.#running.get(execution)?.abort()
  }

  /** Asks the service what became of an attempt that a restart interrupted. */
  async recover(attempt: Attempt): Promise<RecoverAnswer> {
    const { run } = attempt.definition
    if ("application" in run) return { kind: "not-done" }
    if (attempt.blocked !== undefined || this.#notSent(attempt) !== null) return { kind: "unknown" }
    const signal = AbortSignal.timeout(TASK_RECOVER_TIMEOUT_MS)
    const service = await this.#executors.service(run.service, { signal })
    return service === null ? { kind: "unknown" } : service.recover(this.#call(attempt), signal)
  }

  stop(): void {
    this.#stopped = true
    for (const running of this.#running.values()) running.abort()
    this.#lanes.clear()
  }

  #call({ execution, definition, inputs }: Attempt): TaskCall {
    const task = "task" in definition.run ? definition.run.task : definition.run.application
    return { execution, task, inputs, deadlineMs: this.#clock.now() + definition.timeoutMs }
  }

  /** A service that throws is at fault itself: the step that called it goes on. */
  #answer(attempt: Attempt, call: TaskCall, stop: Stop): Soon<AttemptEnd> {
    try {
      return this.#ask(attempt, call, stop)
    } catch (error) {
      return brokenEnd(error)
    }
  }

  #ask(attempt: Attempt, call: TaskCall, stop: Stop): Soon<AttemptEnd> {
    const { run } = attempt.definition
    const blocked = attempt.blocked ?? this.#notSent(attempt)
    if (blocked !== null) return failedEnd({ ...blocked, outcome: "known" })
    if ("application" in run) return this.#executors.application(run.application, call, stop.signal).then(endOf)
    const service = this.#executors.service(run.service, stop)
    if (service instanceof Promise) return service.then((found) => this.#askOf(found, run.service, call, stop))
    return this.#askOf(service, run.service, call, stop)
  }

  #askOf(service: RunningService | null, id: string, call: TaskCall, stop: Stop): Soon<AttemptEnd> {
    if (service === null)
      return failedEnd({ code: "SERVICE_NOT_RUNNING", message: `service "${id}" is not running`, outcome: "known" })
    return soon(service.execute(call, stop), (answer): AttemptEnd => {
      // What a task says for itself as it stops is its end; what the stop made of it is none.
      const isCut = answer.kind === "error" && (answer.outcome === "unknown" || answer.code === "SERVICE_STOPPED")
      if (!isCut || !this.#executors.wasStopped(id, service)) return endOf(answer)
      return { kind: "interrupted", outcome: answer.outcome }
    })
  }

  /** What deploying refuses may come true later, when a service moves. */
  #notSent({ isSecret, definition: { run } }: Attempt): { code: string; message: string } | null {
    if (isSecret !== true || !("service" in run) || !this.#executors.isRemote(run.service)) return null
    const message = `service "${run.service}" runs behind MQTT, and a secret is not sent there`
    return { code: "SECRET_NOT_SENT", message }
  }

  #lane(definition: TaskDefinition): Lane | null {
    const { run } = definition
    // A called application has slots of its own tasks.
    if ("application" in run) return null
    const known = this.#laneOf.get(definition)
    if (known !== undefined) return known
    const name = `${run.service}.${run.task}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = { busy: 0, queue: [] }))
    this.#laneOf.set(definition, lane)
    return lane
  }

  #release(definition: TaskDefinition): void {
    const lane = this.#lane(definition)
    if (lane === null || this.#stopped) return
    const next = lane.queue.shift()
    if (next === undefined) {
      lane.busy--
      return
    }
    this.#begin(definition, next)
  }

  #begin(definition: TaskDefinition, begin: () => Promise<boolean>): void {
    begin().then(
      (wanted) => {
        if (!wanted) this.#release(definition)
      },
      () => this.#release(definition),
    )
  }
}

/** `queue` holds at most one entry per active execution and task, which are bounded themselves. */
interface Lane {
  busy: number
  readonly queue: (() => Promise<boolean>)[]
}

function endOf(answer: TaskAnswer): AttemptEnd {
  if (answer.kind === "result") return answer
  return failedEnd(answer)
}

function failedEnd({ code, message, outcome }: Omit<AttemptEnd & { kind: "failed" }, "kind" | "cause">): AttemptEnd {
  return { kind: "failed", cause: "error", code, message, outcome }
}

function brokenEnd(error: unknown): AttemptEnd {
  return failedEnd({ code: "SERVICE_FAILED", message: String(error), outcome: "unknown" })
}

function lateEnd({ name, timeoutMs }: TaskDefinition): AttemptEnd {
  const message = `task "${name}" did not answer within ${timeoutMs} ms`
  return { kind: "failed", cause: "timed-out", code: "TIMED_OUT", message, outcome: "unknown" }
}

/** One attempt under way. One that ignores its abortion gives its slot back after a while all the same. */
class Running {
  readonly #clock: Clock
  readonly #over: (end: AttemptEnd) => void
  readonly #controller: AbortController
  #cancelGrace: (() => void) | null = null
  #ended = false

  constructor(clock: Clock, controller: AbortController, over: (end: AttemptEnd) => void) {
    this.#clock = clock
    this.#controller = controller
    this.#over = over
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(): void {
    if (this.signal.aborted || this.#ended) return
    this.#controller.abort()
    this.#cancelGrace = this.#clock.schedule(this.#clock.now() + TASK_CANCEL_GRACE_MS, () =>
      this.end(failedEnd({ code: "TASK_ABORTED", message: "the task ignored its end", outcome: "unknown" })),
    )
  }

  /** The first answer counts. */
  end(end: AttemptEnd): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelGrace?.()
    this.#over(end)
  }
}
