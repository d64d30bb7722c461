import type { Clock } from "../../agent/ports/clock.ts"

/** A Clock that stands still until `advance`. Same contract as the real one (test/contract/clock.test.ts). */
export class FakeClock implements Clock {
  #now: number
  #wallAhead = 0
  #elapsed = 0
  #timers: { atMs: number; action: () => void }[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.#wallAhead
  }

  elapsed(): number {
    return this.#elapsed
  }

  schedule(atMs: number, action: () => void): () => void {
    if (Number.isNaN(atMs)) throw new RangeError("a timer needs a time")
    const timer = { atMs, action }
    const after = this.#timers.findIndex((other) => other.atMs > atMs)
    this.#timers.splice(after === -1 ? this.#timers.length : after, 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at !== -1) this.#timers.splice(at, 1)
    }
  }

  /** Lets time pass; what comes due fires in order, each at its own time. */
  advance(ms: number): void {
    const target = this.#now + ms
    for (let next = this.#timers[0]; next !== undefined && next.atMs <= target; next = this.#timers[0]) {
      this.#timers.shift()
      this.#moveTo(Math.max(this.#now, next.atMs))
      next.action()
    }
    this.#moveTo(target)
  }

  /** ms of the earliest timer, null when there is none. */
  next(): number | null {
    return this.#timers[0]?.atMs ?? null
  }

  /** The wall clock jumps; workflow time does not. */
  jumpWall(ms: number): void {
    this.#wallAhead += ms
  }

  #moveTo(nowMs: number): void {
    this.#elapsed += nowMs - this.#now
    this.#now = nowMs
  }
}
