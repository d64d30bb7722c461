import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { Height, Round, TimeoutStep } from "../../../core/consensus/terms.ts"
import type { Clock } from "../../../ports/clock.ts"

/** The timers of a height: of each round and step one, however often it is asked for (D7). */
export class Timers {
  readonly #clock: Clock
  readonly #elapse: (input: Extract<DriverInput, { kind: "timeout" }>) => void
  /** Also those that have elapsed, so that they are not started again. */
  readonly #running = new Map<string, { readonly round: Round; readonly cancel: () => void }>()

  constructor(clock: Clock, elapse: (input: Extract<DriverInput, { kind: "timeout" }>) => void) {
    this.#clock = clock
    this.#elapse = elapse
  }

  start(step: TimeoutStep, height: Height, round: Round, afterMs: number): void {
    const key = `${step} ${round}`
    if (this.#running.has(key)) return
    const cancel = this.#clock.schedule(this.#clock.now() + afterMs, () => {
      this.#elapse({ kind: "timeout", step, height, round })
    })
    this.#running.set(key, { round, cancel })
  }

  /** Timers of a round that is over do nothing any more. */
  forgetBefore(round: Round): void {
    for (const [key, timer] of this.#running) {
      if (timer.round >= round) continue
      timer.cancel()
      this.#running.delete(key)
    }
  }

  clear(): void {
    this.forgetBefore(Number.POSITIVE_INFINITY)
  }
}
