import { type ExecutionId, sortableId, taskExecutionId } from "../../base/ids.ts"
import { messageOf } from "../../base/errors.ts"
import { CAREFUL_AFTER_CRASH_MS, EVENT_JUDGEMENTS_MAX } from "../../base/limits.ts"
import { type Soon, soonAll } from "../../base/soon.ts"
import { SlotMap } from "../../base/slot-map.ts"
import type { Effect } from "../../core/execution/effect.ts"
import type { Input } from "../../core/execution/input.ts"
import { nextDueMs } from "../../core/execution/pending.ts"
import type { RejectionCode } from "../../core/execution/rejection.ts"
import { isFinished } from "../../core/execution/state.ts"
import type { Change } from "../../ports/store.ts"
import type { Json } from "../../schema/json.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { EnginePorts } from "../ports.ts"
import type { Attempt, AttemptEnd, Tasks } from "../tasks/tasks.ts"
import { dataLength } from "../../schema/json-size.ts"
import { attemptOf } from "./attempt.ts"
import { type Advance, type AdvanceContext, advance } from "./advance.ts"
import { endInput } from "./end-input.ts"
import { Journal } from "./journal.ts"
import { Live } from "./live.ts"
import type { Veils } from "../veils.ts"
import { OpenLog } from "./open-log.ts"
import type { Pin } from "./records.ts"
import { Waits } from "./waits.ts"

/** One execution and the inputs it is to take in a transaction. */
export interface Feeding {
  readonly live: Live
  readonly inputs: readonly Input[]
}

export interface RunnerEvents {
  /** After a step is durable. */
  changed(live: Live): void
  /** What ran an attempt was stopped, and the agent goes on. */
  interrupted(live: Live, task: number, attempt: number, outcome: "known" | "unknown"): void
  /** The write failed: nothing that is in memory may be trusted any more. */
  broken(error: Error): void
}

/** Moves executions: takes inputs, writes steps, then acts. Persist before acting. */
export class Runner {
  readonly active = new SlotMap<ExecutionId, Live>()
  /** Ended in memory, but not yet told of: their last step is on its way into the store. */
  readonly ending = new SlotMap<ExecutionId, Live>()
  /** How many of the active ones run: the others wait for events or for their turn. */
  running = 0
  /** Sum of `Live.bytes` of the active and the ending ones. */
  heldBytes = 0
  readonly waits = new Waits()
  readonly log = new OpenLog()
  readonly #ports: EnginePorts
  readonly #tasks: Tasks
  readonly #veils: Veils
  readonly #events: RunnerEvents
  readonly #context: AdvanceContext
  #isCareful = false
  #isAdvancing = false
  #stopped = false

  constructor(ports: EnginePorts, tasks: Tasks, veils: Veils, events: RunnerEvents) {
    this.#ports = ports
    this.#veils = veils
    this.#tasks = tasks
    this.#events = events
    this.#context = {
      expressions: ports.expressions,
      core: ports.keys.nodeKey,
      place: (live, task) =>
        this.#tasks.place(live.pinned.definition.tasks[task]!, live.pinned.concurrency(task), () =>
          this.#begin(live, task),
        ),
      isCareful: () => this.#isCareful,
      execute: (live, effect) => this.#executeNow(live, effect),
    }
  }

  /** From here on nothing is taken, written or done. */
  stop(): void {
    this.#stopped = true
    for (const live of this.active.values()) live.cancelTimer?.()
  }

  /** The agent has crashed, perhaps by a task: for a while each one begins only when its start is durable. */
  beCareful(): void {
    const { clock } = this.#ports
    this.#isCareful = true
    clock.schedule(clock.now() + CAREFUL_AFTER_CRASH_MS, () => {
      this.#isCareful = false
    })
  }

  newExecutionId(): ExecutionId {
    return sortableId("ex", this.#ports.clock.now(), this.#ports.random.bytes(10)) as ExecutionId
  }

  /** A new execution, in memory only until its first input is transacted. */
  prepare(pin: Pin, pinned: PinnedWorkflow): Live {
    const id = this.newExecutionId()
    return new Live(id, pin, pinned, Journal.begin(this.log, id, pin, this.#ports.keys.nodeKey))
  }

  /** Puts an execution that the store remembers back into memory. Its clock stands until it is resumed. */
  restore(live: Live): void {
    this.#hold(live)
    live.dueMs = dueOf(live)
  }

  /** What is due in it, or will be, happens from here on. */
  resume(live: Live): void {
    if (live.dueMs !== null && live.cancelTimer === null) this.#setTimer(live, live.dueMs)
  }

  /**
   * Feeds several executions in one durable write, with further changes that belong to it.
   * Resolves when it is durable; acting on the effects goes on by itself.
   * @returns per feeding why it was refused, null where it was taken
   */
  async transact(
    feedings: readonly Feeding[],
    also: readonly Change[] = [],
  ): Promise<readonly (RejectionCode | null)[]> {
    for (const lock of lockAll(feedings)) await lock
    // Asked for from within another step, as by a slot that a task of it gave back: that one first, on a stack of its own.
    if (this.#isAdvancing) await Promise.resolve()
    let written: Promise<unknown>
    let advances: readonly Advance[]
    try {
      if (this.#stopped) throw new Error("the engine has stopped")
      // What they evaluate goes side by side: all of them are locked meanwhile.
      const advancing = this.#advanceAll(feedings)
      // Who comes meanwhile, an awaited event or a remote answer, finds a new one here and waits for its lock.
      if (advancing instanceof Promise) for (const { live } of feedings) this.#index(live)
      advances = advancing instanceof Promise ? await advancing : advancing
      for (const { live } of advances) this.#index(live)
      written = this.#write(feedings, changesOf(advances, also))
    } catch (error) {
      // Refused after the stop: nothing has moved, and who asked is not acknowledged.
      if (!this.#stopped) this.#events.broken(error as Error)
      throw error
    } finally {
      for (const { live } of feedings) live.unlock()
    }
    try {
      await written
    } catch (error) {
      if (!this.#stopped) this.#events.broken(error as Error)
      throw error
    }
    for (const step of advances) this.#act(step)
    return advances.map((step) => step.rejected)
  }

  #advanceAll(feedings: readonly Feeding[]): Soon<readonly Advance[]> {
    this.#isAdvancing = true
    try {
      return this.#advance(feedings)
    } finally {
      this.#isAdvancing = false
    }
  }

  #advance(feedings: readonly Feeding[]): Soon<readonly Advance[]> {
    if (feedings.length > EVENT_JUDGEMENTS_MAX) return this.#advanceMany(feedings)
    return soonAll(
      feedings.map(({ live, inputs }) => advance(live, inputs, this.#context)),
      (advances) => advances,
    )
  }

  /** So many at a time: what others have to evaluate comes in between. */
  async #advanceMany(feedings: readonly Feeding[]): Promise<readonly Advance[]> {
    const advances: Advance[] = []
    for (let at = 0; at < feedings.length; at += EVENT_JUDGEMENTS_MAX) {
      advances.push(...(await this.#advance(feedings.slice(at, at + EVENT_JUDGEMENTS_MAX))))
    }
    return advances
  }

  /**
   * Asked for while the locks are held: steps of one execution become durable in their order. Who changes nothing waits
   * for the steps before: that an input came too late is true once what it came after is durable.
   */
  #write(feedings: readonly Feeding[], changes: readonly Change[]): Promise<unknown> {
    if (changes.length === 0) return Promise.all(feedings.map(({ live }) => live.written))
    const removals = this.log.removals()
    const written = this.#ports.store.write(removals.length > 0 ? [...changes, ...removals] : changes, FINISHES)
    // Beside who asked for the step, not before: steps are acted upon in their order. Of a failure they are told.
    if (removals.length > 0) void written.then(() => this.log.removed()).catch(() => undefined)
    for (const { live } of feedings) live.written = written
    return written
  }

  /** Feeds one execution. @returns why it was refused, null where it was taken */
  feed(live: Live, inputs: readonly Input[]): Promise<RejectionCode | null> {
    return this.transact([{ live, inputs }]).then(([rejected]) => rejected ?? null)
  }

  /** Feeds from a timer or a task's end: nobody waits for it, and `broken` has been told of a failure. */
  feedInBackground(live: Live, inputs: readonly Input[]): void {
    if (this.#stopped) return
    this.feed(live, inputs).catch((error) =>
      this.#ports.log.debug("an input was lost with the store", { error: messageOf(error) }),
    )
  }

  /** Memory follows the state at once; what it shows is durable soon or the agent stops. */
  #index(live: Live): void {
    this.#hold(live)
    this.#watchClock(live)
  }

  #hold(live: Live): void {
    if (live.state === null) return
    const active = !isFinished(live.state)
    if (active !== live.active) {
      live.active = active
      if (active) this.active.set(live.id, live)
      else this.active.delete(live.id)
    }
    if (!active) this.ending.set(live.id, live)
    if (live.bytes === 0) this.heldBytes += live.bytes = dataLength(live.state.trigger.data)
    this.#countRunning(live, live.state.status === "running")
    this.waits.update(live)
  }

  #countRunning(live: Live, runs: boolean): void {
    if (live.runs === runs) return
    live.runs = runs
    this.running += runs ? 1 : -1
  }

  #watchClock(live: Live): void {
    const dueMs = dueOf(live)
    if (dueMs === live.dueMs) return
    live.cancelTimer?.()
    live.cancelTimer = null
    live.dueMs = dueMs
    if (dueMs !== null) this.#setTimer(live, dueMs)
  }

  #setTimer(live: Live, dueMs: number): void {
    live.cancelTimer = this.#ports.clock.schedule(dueMs, () => {
      live.dueMs = null
      live.cancelTimer = null
      this.feedInBackground(live, [{ kind: "elapsed", atMs: this.#ports.clock.now() }])
    })
  }

  #act({ live, state, moved, spent, effects }: Advance): void {
    live.durable = state
    live.journal.settle(spent)
    if (isFinished(state)) this.#letGo(live)
    if (this.#stopped) return
    if (moved) this.#events.changed(live)
    for (const effect of effects) this.#do(live, effect)
  }

  #letGo(live: Live): void {
    this.ending.delete(live.id)
    this.heldBytes -= live.bytes
    live.bytes = 0
  }

  #do(live: Live, effect: Effect): void {
    const definition = live.pinned.definition.tasks[effect.kind === "wake" ? 0 : effect.task]!
    switch (effect.kind) {
      case "execute":
        this.#execute(live, effect)
        return
      case "abort":
        this.#tasks.abort(taskExecutionId(live.id, definition.name))
        return
      case "verify":
        this.#ports.log.error("a local result was submitted for verification", {
          execution: live.id,
          task: definition.name,
        })
        return
      default:
        return
    }
  }

  /** What is handed to whoever runs the task. @param inputs as recorded */
  attempt(live: Live, task: number, inputs: Json): Attempt {
    return attemptOf(live, task, inputs, this.#veils)
  }

  #execute(live: Live, { task, attempt, inputs }: Effect & { kind: "execute" }): void {
    const end = (answer: AttemptEnd) => this.end(live, task, attempt, answer)
    const now = this.#tasks.execute(this.attempt(live, task, inputs), end)
    if (now !== null) this.endInBackground(live, task, attempt, now)
  }

  /**
   * A pure task that answers at once, without waiting for anything, answers into the step that starts it; one that
   * takes longer goes on beside it, and its end is an input like any other.
   */
  #executeNow(live: Live, { task, attempt, inputs }: Effect & { kind: "execute" }): Soon<readonly Input[]> {
    const answer = (end: AttemptEnd): readonly Input[] => {
      if (end.kind !== "interrupted") return [this.#endInput(live, task, attempt, end)]
      this.endInBackground(live, task, attempt, end)
      return []
    }
    /** Takes the answer of this turn; null once it is over. */
    let inTurn: ((end: AttemptEnd) => void) | null = null
    const now = this.#tasks.execute(this.attempt(live, task, inputs), async (end) => {
      if (inTurn === null) return this.end(live, task, attempt, end)
      inTurn(end)
    })
    if (now !== null) return answer(now)
    return new Promise((resolve) => {
      const turn = setImmediate(() => {
        inTurn = null
        resolve([])
      })
      inTurn = (end) => {
        clearImmediate(turn)
        resolve(answer(end))
      }
    })
  }

  /** Starts a task that was waiting for a Core when the agent stopped. */
  start(live: Live, task: number): void {
    const definition = live.pinned.definition.tasks[task]!
    this.#tasks.begin(definition, live.pinned.concurrency(task), () => this.#begin(live, task))
  }

  /** There is a slot for a task. @returns whether it was still wanted */
  async #begin(live: Live, task: number): Promise<boolean> {
    const atMs = this.#ports.clock.now()
    const rejected = await this.feed(live, [
      { kind: "assigned", atMs, task, core: this.#ports.keys.nodeKey },
      { kind: "started", atMs, task },
    ])
    return rejected === null
  }

  #endInput(live: Live, task: number, attempt: number, end: AttemptEnd & { kind: "result" | "failed" }): Input {
    return endInput(live.pinned, task, attempt, end, this.#ports.clock.now(), this.#veils)
  }

  endInBackground(live: Live, task: number, attempt: number, end: AttemptEnd): void {
    this.end(live, task, attempt, end).catch((error) =>
      this.#ports.log.debug("a result was lost with the store", { error: messageOf(error) }),
    )
  }

  /** An attempt has ended. Resolves when that is durable. @returns why it did not count, null where it did */
  end(live: Live, task: number, attempt: number, end: AttemptEnd): Promise<RejectionCode | null> {
    if (end.kind === "interrupted") {
      this.#events.interrupted(live, task, attempt, end.outcome)
      return Promise.resolve(null)
    }
    return this.transact([{ live, inputs: [this.#endInput(live, task, attempt, end)] }]).then(([rejected]) => {
      if (rejected === null || rejected === undefined) return null
      this.#ports.log.info("a task result did not count", { execution: live.id, task, reason: rejected })
      return rejected
    })
  }
}

function dueOf({ state }: Live): number | null {
  return state === null || isFinished(state) ? null : nextDueMs(state)
}

/** Takes them out of the steps. */
function changesOf(advances: readonly Advance[], also: readonly Change[]): readonly Change[] {
  const changes = also.slice()
  for (const step of advances) {
    for (const change of step.changes) changes.push(change)
    step.changes = []
  }
  return changes
}

/**
 * Locks are asked for in one turn and granted in order of asking: two transactions can never wait for each other.
 * @returns those that are not granted yet
 */
function lockAll(feedings: readonly Feeding[]): readonly Promise<void>[] {
  let waits: Promise<void>[] | null = null
  for (const { live } of feedings) {
    const lock = live.lock()
    if (lock !== null) (waits ??= []).push(lock)
  }
  return waits ?? NONE
}

const NONE: readonly Promise<void>[] = []

/** The reserve is theirs: room was asked for before the execution was let in. */
const FINISHES = { reserve: true }
