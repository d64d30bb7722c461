import type { ExecutionId } from "../../base/ids.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import { type EventScope, eventScope } from "./evaluate.ts"
import type { Journal } from "./journal.ts"
import type { Pin } from "./records.ts"

/** An execution that has not ended, in memory. One input is taken at a time: whoever changes it holds its lock. */
export class Live {
  readonly id: ExecutionId
  readonly pin: Pin
  readonly pinned: PinnedWorkflow
  readonly journal: Journal
  /** Null until its first input. */
  state: ExecutionState | null = null
  /** The newest state that is in the store: what everybody outside is shown. */
  durable: ExecutionState | null = null
  /** Resolves when its newest step is in the store. */
  written: Promise<unknown> = WRITTEN
  /** About how long the data of its trigger is as text: what it costs to hold it. 0 until it is held. */
  bytes = 0
  /** Whether it is among the active ones. */
  active = false
  /** Whether it is among those that run: not waiting for events alone, not ended. */
  runs = false
  /** When the next wait in it times out or retry is due, ms since epoch; null where none is. */
  dueMs: number | null = null
  cancelTimer: (() => void) | null = null
  #triggerScope: EventScope | null = null
  #locked = false
  /** Made when somebody has to wait for the lock. */
  #waiting: (() => void)[] | null = null

  constructor(id: ExecutionId, pin: Pin, pinned: PinnedWorkflow, journal: Journal) {
    this.id = id
    this.pin = pin
    this.pinned = pinned
    this.journal = journal
  }

  /** Its trigger as expressions see it: every task looks at it again. Once it has a state. */
  get triggerScope(): EventScope {
    return (this.#triggerScope ??= eventScope(this.state!.trigger))
  }

  /** Whether somebody changes it just now. */
  get locked(): boolean {
    return this.#locked
  }

  /** @returns null where the lock was free and is now taken, else resolves when it is */
  lock(): Promise<void> | null {
    if (!this.#locked) {
      this.#locked = true
      return null
    }
    const waiting = (this.#waiting ??= [])
    return new Promise((resolve) => waiting.push(resolve))
  }

  unlock(): void {
    const next = this.#waiting?.shift()
    if (next === undefined) this.#locked = false
    else next()
  }
}

const WRITTEN = Promise.resolve()
