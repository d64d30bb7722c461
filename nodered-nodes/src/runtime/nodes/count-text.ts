import { COUNT_TEXTS_MAX } from "../limits.ts"
import type { Red } from "../red.ts"

/**
 * A status with a number, `3 running`. Each is looked up once: Node-RED finds the form of a plural anew each time, and a
 * node shows one or two of them for every message.
 */
export class CountText {
  readonly #red: Red
  readonly #key: string
  readonly #texts: (string | undefined)[] = []

  /** @param key in the catalogue */
  constructor(red: Red, key: string) {
    this.#red = red
    this.#key = key
  }

  of(count: number): string {
    if (count >= COUNT_TEXTS_MAX) return this.#red._(this.#key, { count })
    return (this.#texts[count] ??= this.#red._(this.#key, { count }))
  }
}
