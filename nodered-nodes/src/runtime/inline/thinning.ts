import type { Message } from "../red.ts"
import { after } from "./long-timer.ts"

/** `debounce` and `throttle` of an event, as in the agent: the first is asked first. Null: there is none. */
export class Thinning {
  readonly #debounceMs: number | null
  readonly #throttleMs: number | null
  readonly #pass: (message: Message) => void
  #endBurst: () => void = () => {}
  #passedMs = -Infinity

  constructor(debounceMs: number | null, throttleMs: number | null, pass: (message: Message) => void) {
    this.#debounceMs = debounceMs
    this.#throttleMs = throttleMs
    this.#pass = pass
  }

  /** Of a burst the last one passes, when it is over; of those within the time of the throttle the first one. */
  take(message: Message): void {
    if (this.#debounceMs === null) return this.#fire(message)
    this.#endBurst()
    this.#endBurst = after(this.#debounceMs, () => this.#fire(message))
  }

  close(): void {
    this.#endBurst()
  }

  #fire(message: Message): void {
    const nowMs = performance.now()
    if (this.#throttleMs !== null && nowMs - this.#passedMs < this.#throttleMs) return
    this.#passedMs = nowMs
    this.#pass(message)
  }
}
