import { CLOCK_MARK_AHEAD_MS, TIMER_WAIT_MS_MAX, TIMERS_PER_TURN_MAX } from "../../base/limits.ts"
import type { Clock } from "../../ports/clock.ts"
import { TimerHeap } from "./timer-heap.ts"

/** Where a clock gets its time from; the machine's own by default. */
export interface TimeSource {
  /** ms since epoch; may jump. */
  wall(): number
  /** ms, monotone. */
  elapsed(): number
  /** Calls back once after about `delayMs`, 0..TIMER_WAIT_MS_MAX. @returns cancels */
  wake(delayMs: number, action: () => void): () => void
}

/**
 * Workflow time. It starts at the wall clock, or where this home's time had come to if that is later, and goes on by
 * the monotonic clock alone: while the agent runs, no jump of the wall clock fires, delays or doubles a timer.
 * docs/spec/store.md#time
 */
export class SystemClock implements Clock {
  readonly #source: TimeSource
  readonly #startMs: number
  /** The wall at the start where it will be caught up with; else where this clock started itself. */
  readonly #wallMs: number
  readonly #startElapsed: number
  readonly #timers = new TimerHeap()
  #cancelWake: (() => void) | null = null
  #wakeAtMs = Number.POSITIVE_INFINITY
  #stopped = false

  /** @param options.notBeforeMs what the store kept of the last run: `now()` starts there or later */
  constructor(options: { notBeforeMs: number; source?: TimeSource }) {
    this.#source = options.source ?? systemTime
    this.#startElapsed = this.#source.elapsed()
    const wallMs = Math.floor(this.#source.wall())
    this.#startMs = Math.max(wallMs, Math.ceil(options.notBeforeMs))
    // Further behind than a mark is ahead: the wall is wrong, and there is nothing to come back to.
    this.#wallMs = this.#startMs - wallMs <= CLOCK_MARK_AHEAD_MS ? wallMs : this.#startMs
  }

  /** After a crash it starts ahead of the wall, as the mark was; it goes at half speed until the wall is there too. */
  now(): number {
    const elapsedMs = this.#source.elapsed() - this.#startElapsed
    return Math.max(this.#startMs + Math.floor(elapsedMs / 2), this.#wallMs + Math.floor(elapsedMs))
  }

  wall(): number {
    return Math.floor(this.#source.wall())
  }

  elapsed(): number {
    return this.#source.elapsed()
  }

  schedule(atMs: number, action: () => void): () => void {
    if (Number.isNaN(atMs)) throw new RangeError("a timer needs a time")
    const timer = this.#timers.add(atMs, action)
    this.#arm()
    return () => this.#timers.remove(timer)
  }

  /** Nothing fires any more; what was scheduled is found again in the store. */
  stop(): void {
    this.#stopped = true
    this.#cancelWake?.()
    this.#cancelWake = null
  }

  /** One wake-up at a time, at the earliest timer. */
  #arm(): void {
    const next = this.#timers.earliest()
    if (this.#stopped || next === undefined || next >= this.#wakeAtMs) return
    this.#cancelWake?.()
    this.#wakeAtMs = next
    const delay = Math.min(Math.max(next - this.now(), 0), TIMER_WAIT_MS_MAX)
    this.#cancelWake = this.#source.wake(delay, () => this.#fire())
  }

  /** Bounded per turn: a thousand timers due at start must not hold the event loop. */
  #fire(): void {
    this.#cancelWake = null
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    const due = this.#timers.takeDue(this.now(), TIMERS_PER_TURN_MAX)
    // Armed before the actions run: one that throws must not take the others' time away.
    this.#arm()
    for (let i = 0; i < due.length; i++) {
      try {
        due[i]!()
      } catch (error) {
        for (const rest of due.slice(i + 1)) this.schedule(Number.NEGATIVE_INFINITY, rest)
        throw error
      }
    }
  }
}

const systemTime: TimeSource = {
  wall: () => Date.now(),
  elapsed: () => performance.now(),
  wake: (delayMs, action) => {
    // Not holding the process up: the agent lives by its listeners, not by a timer a year away.
    const timer = setTimeout(action, delayMs).unref()
    return () => clearTimeout(timer)
  },
}
