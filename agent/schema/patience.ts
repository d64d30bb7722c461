import { inTime } from "../base/in-time.ts"
import { CHECK_TIME_MS_MAX, CHECK_TRIES_MAX } from "../base/limits.ts"

/**
 * Lets somebody else's work run for CHECK_TIME_MS_MAX. The time is the machine's, which may have stood still: only what took
 * too long CHECK_TRIES_MAX times running is not tried again.
 */
export class Patience {
  #late = 0

  /** @returns null where it took too long @throws what it throws */
  run<Value>(call: () => Value): { readonly value: Value } | null {
    const done = this.#late >= CHECK_TRIES_MAX ? null : inTime(CHECK_TIME_MS_MAX, call)
    this.#late = done === null ? this.#late + 1 : 0
    return done
  }
}
