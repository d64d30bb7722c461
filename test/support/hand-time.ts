import type { TimeSource } from "../../agent/io/clock/clock.ts"

/** Time moved by hand, for the real clock: the wall, the monotonic clock and one wake-up. */
export class HandTime implements TimeSource {
  #wallMs: number
  #elapsedMs = 12_345.678
  #wakes: { atMs: number; action: () => void }[] = []

  constructor(wallMs: number) {
    this.#wallMs = wallMs
  }

  wall(): number {
    return this.#wallMs
  }

  elapsed(): number {
    return this.#elapsedMs
  }

  wake(delayMs: number, action: () => void): () => void {
    const wake = { atMs: this.#elapsedMs + delayMs, action }
    this.#wakes.push(wake)
    return () => {
      this.#wakes = this.#wakes.filter((each) => each !== wake)
    }
  }

  /** How many wake-ups are asked for: a clock needs one at most. */
  get waiting(): number {
    return this.#wakes.length
  }

  advance(ms: number): void {
    const target = this.#elapsedMs + ms
    for (;;) {
      const next = this.#wakes.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > target) break
      this.#wakes = this.#wakes.filter((wake) => wake !== next)
      this.#moveTo(Math.max(next.atMs, this.#elapsedMs))
      next.action()
    }
    this.#moveTo(target)
  }

  jumpWall(ms: number): void {
    this.#wallMs += ms
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs
    this.#elapsedMs = elapsedMs
  }
}
