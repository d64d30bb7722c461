import { joined } from "../../base/joined.ts"
import { messageOf } from "../../base/errors.ts"
import { type ExecutionId, type TaskExecutionId, taskExecutionId } from "../../base/ids.ts"
import { EVENT_DATA_BYTES_MAX, EXECUTIONS_DATA_BYTES_MAX, EXECUTIONS_WAITING_MAX } from "../../base/limits.ts"
import type { Input } from "../../core/execution/input.ts"
import type { RejectionCode } from "../../core/execution/rejection.ts"
import { type ExecutionState, isFinished } from "../../core/execution/state.ts"
import { triggeredInput } from "../../core/execution/transition.ts"
import type { Change } from "../../ports/store.ts"
import type { Event } from "../../schema/event.ts"
import type { ExecutionView, TransitionView } from "../../schema/execution.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { ExecutionFilter, Executions, Page } from "../core.ts"
import type { FeedLog } from "../feed.ts"
import type { EnginePorts } from "../ports.ts"
import type { AttemptEnd, Tasks } from "../tasks/tasks.ts"
import type { Veils } from "../veils.ts"
import { Archive, type EndedCounts, type Pins } from "./archive.ts"
import { ExecutionError } from "./error.ts"
import type { Pin } from "./records.ts"
import { settleInterrupted } from "./interrupted.ts"
import type { Live } from "./live.ts"
import { Overlaps } from "./overlaps.ts"
import { Room } from "./room.ts"
import { type Feeding, Runner } from "./runner.ts"
import { executionView, transitionViews } from "./view.ts"

export interface ExecutionOptions {
  /** Most executions that run (not: wait) at once; past it new events wait. */
  readonly maxActive: number
  /** The store has failed; nothing may go on. */
  readonly onBroken: (error: Error) => void
}

/** Up to here new executions are let in; the rest of the quota is for finishing those that were. */
const ROOM_SHARE = 0.875

/** All executions of this Core: running ones in memory, ended ones in the archive. */
export class ExecutionBook implements Executions {
  readonly overlaps = new Overlaps()
  readonly runner: Runner
  readonly archive: Archive
  readonly room = new Room((moves) => this.#hasRoom(moves))
  readonly #ports: EnginePorts
  readonly #feed: FeedLog
  readonly #options: ExecutionOptions
  readonly #followers = new Map<ExecutionId, Set<(state: ExecutionState) => void>>()
  readonly #ended: EndedCounts = { completed: 0, failed: 0, cancelled: 0 }
  /** What was kept when somebody first asked, less what had ended since the start: start-up never pays for counting. */
  #endedBefore: EndedCounts | null = null

  constructor(ports: EnginePorts, tasks: Tasks, pins: Pins, feed: FeedLog, veils: Veils, options: ExecutionOptions) {
    this.#ports = ports
    this.#feed = feed
    this.#options = options
    this.archive = new Archive(ports, pins)
    this.runner = new Runner(ports, tasks, veils, {
      changed: (live) => this.#changed(live),
      interrupted: (live, task, attempt, outcome) =>
        settleInterrupted(ports, this.runner, tasks, { live, task, attempt, by: "service", outcome }),
      broken: options.onBroken,
    })
  }

  /** Something about an execution became durable. */
  #changed(live: Live): void {
    const state = live.durable!
    const { app, workflow } = live.pin
    this.#feed.publish(joined("execution", joined(app, workflow)), () => ({
      kind: "execution",
      execution: executionView(state),
    }))
    const followers = this.#followers.get(live.id)
    if (followers !== undefined) for (const listener of [...followers]) listener(state)
    if (isFinished(state)) this.#finished(live, state)
    // One that has ended, or only waits for events now, leaves room.
    this.room.wake()
  }

  #finished(live: Live, state: ExecutionState): void {
    if (state.status in this.#ended) this.#ended[state.status as keyof EndedCounts]++
    this.#ports.metrics.count("mesg_executions_ended_total", 1, { status: state.status })
    const next = this.overlaps.remove(live)
    // In safe mode it keeps its turn for the next start.
    if (next !== null && !this.room.isClosed)
      this.runner.feedInBackground(next, [{ kind: "released", atMs: this.#ports.clock.now() }])
  }

  /** A new execution that exists once its first input is transacted. @param held whether it waits for its turn */
  prepare(pin: Pin, pinned: PinnedWorkflow, held = false): Live {
    const live = this.runner.prepare(pin, pinned)
    this.overlaps.add(live, held)
    return live
  }

  transact(feedings: readonly Feeding[], also: readonly Change[] = []): Promise<readonly (RejectionCode | null)[]> {
    return this.runner.transact(feedings, also)
  }

  transactInBackground(feedings: readonly Feeding[], also: readonly Change[]): void {
    this.transact(feedings, also).catch((error) =>
      this.#ports.log.debug("a debounced event was lost with the store", { error: messageOf(error) }),
    )
  }

  /** @param moves an execution that waits goes on by it: that is finishing, which the reserve is for */
  #hasRoom(moves: boolean): boolean {
    // Waiting executions need events to go on: they never keep events out, until there are far too many.
    const { active, ending, heldBytes, running } = this.runner
    if (running + ending.size >= this.#options.maxActive || this.#ports.store.isFull()) return false
    if (moves) return true
    if (active.size >= EXECUTIONS_WAITING_MAX) return false
    return heldBytes < EXECUTIONS_DATA_BYTES_MAX && this.usedShare() < ROOM_SHARE
  }

  /** Share of the quota in use with the largest event that may come on top. */
  usedShare(): number {
    const { bytes, quotaBytes } = this.#ports.store.usage()
    return (bytes + EVENT_DATA_BYTES_MAX) / quotaBytes
  }

  list(filter: ExecutionFilter): Page<ExecutionView> {
    const { active, ending } = this.runner
    return this.archive.list(filter, [...active.values(), ...ending.values()])
  }

  show(id: ExecutionId): ExecutionView & { readonly transitions: readonly TransitionView[] } {
    const live = this.runner.active.get(id) ?? this.runner.ending.get(id)
    const { state, steps } = this.archive.load(id, live?.journal.rows)
    return {
      ...executionView(live?.durable ?? state),
      transitions: transitionViews(state.definition, steps),
    }
  }

  async cancel(id: ExecutionId): Promise<ExecutionView> {
    const live = this.runner.active.get(id)
    if (live === undefined) {
      // One whose end is on its way into the store is not in the archive yet.
      if (!this.runner.ending.has(id)) this.archive.load(id)
      throw new ExecutionError({ code: "EXECUTION_ENDED", execution: id }, `execution ${id} has already ended`)
    }
    await this.runner.feed(live, [{ kind: "cancel", atMs: this.#ports.clock.now() }])
    return executionView(live.durable!)
  }

  async retry(id: ExecutionId): Promise<ExecutionView> {
    if (this.runner.active.has(id) || this.runner.ending.has(id)) {
      throw new ExecutionError({ code: "EXECUTION_NOT_ENDED", execution: id }, `execution ${id} has not ended`, {
        remedy: `cancel it first: mesg execution cancel ${id}`,
      })
    }
    const { state, pin, pinned } = this.archive.load(id)
    return this.view(await this.create(pin, pinned, state.trigger, id))
  }

  /** Starts an execution by hand or by retry. Resolves when it is durable. @throws EventError OVERLOADED, SAFE_MODE */
  async create(pin: Pin, pinned: PinnedWorkflow, event: Event, retryOf: ExecutionId | null): Promise<Live> {
    this.room.check()
    const live = this.prepare(pin, pinned)
    await this.transact([{ live, inputs: [triggeredInput(live.id, event, this.#ports.clock.now(), { retryOf })] }])
    return live
  }

  view(live: Live): ExecutionView {
    return executionView(live.durable!)
  }

  /** Resolves with the execution once `until` holds of it; at once where it does already. */
  follow(live: Live, until: (state: ExecutionState) => boolean, signal: AbortSignal): Promise<boolean> {
    if (live.durable !== null && until(live.durable)) return Promise.resolve(true)
    return new Promise((resolve) => {
      const listeners = this.#followers.get(live.id) ?? new Set()
      this.#followers.set(live.id, listeners)
      const done = (reached: boolean) => {
        listeners.delete(listener)
        if (listeners.size === 0) this.#followers.delete(live.id)
        signal.removeEventListener("abort", onAbort)
        resolve(reached)
      }
      const listener = (state: ExecutionState) => {
        if (until(state)) done(true)
      }
      const onAbort = () => done(false)
      listeners.add(listener)
      if (signal.aborted) done(false)
      else signal.addEventListener("abort", onAbort, { once: true })
    })
  }

  /**
   * A result that came by itself, from a service behind MQTT: only for a task of that service.
   * @returns why it did not count, null where it did
   */
  async result(service: string, key: TaskExecutionId, end: AttemptEnd): Promise<RejectionCode | null> {
    const id = key.slice(0, key.indexOf(".")) as ExecutionId
    const live = this.runner.active.get(id)
    const state = live?.state
    if (live === undefined || state === null || state === undefined) {
      // Its sender is told that it has ended, and forgets the result: that must be durable.
      await this.runner.ending.get(id)?.written
      return "EXECUTION_ENDED"
    }
    const task = state.definition.tasks.findIndex(({ name }) => taskExecutionId(live.id, name) === key)
    const run = state.definition.tasks[task]?.run
    if (run === undefined || !("service" in run) || run.service !== service) return "TASK_UNKNOWN"
    return this.runner.end(live, task, state.tasks[task]!.attempts, end)
  }

  feedInBackground(live: Live, inputs: readonly Input[]): void {
    this.runner.feedInBackground(live, inputs)
  }

  counts() {
    const { active, ending } = this.runner
    const waiting = active.size - this.runner.running
    // An end that is not durable yet is none.
    const running = this.runner.running + ending.size
    const now = this.#ended
    if (this.#endedBefore === null) {
      const kept = this.archive.countEnded(this.runner.ending)
      this.#endedBefore = {
        completed: kept.completed - now.completed,
        failed: kept.failed - now.failed,
        cancelled: kept.cancelled - now.cancelled,
      }
    }
    const before = this.#endedBefore
    return {
      running,
      waiting,
      completed: before.completed + now.completed,
      failed: before.failed + now.failed,
      cancelled: before.cancelled + now.cancelled,
    }
  }
}
