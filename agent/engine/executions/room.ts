import { EVENTS_WAITING_MAX } from "../../base/limits.ts"
import { EventError } from "../events/error.ts"

/**
 * Lets new executions in while there is room, in the order in which they came: who waits is woken one at a time, and
 * nobody passes meanwhile.
 */
export class Room {
  readonly #hasRoom: () => boolean
  readonly #waiting: (() => void)[] = []
  #granted = false

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom
  }

  /** For those who cannot wait. @throws EventError OVERLOADED where there is no room for one more execution */
  check(): void {
    if (this.#isOpen()) return
    throw overloaded("too many executions are running or the disk quota is reached")
  }

  /**
   * @returns null where there is room; else resolves when there is, with what must be called once it is taken
   * @throws EventError OVERLOADED where too many wait already
   */
  enter(): Promise<() => void> | null {
    if (this.#isOpen()) return null
    if (this.#waiting.length >= EVENTS_WAITING_MAX) throw overloaded(`${EVENTS_WAITING_MAX} events wait for room`)
    return new Promise((resolve) =>
      this.#waiting.push(() =>
        resolve(() => {
          this.#granted = false
          this.wake()
        }),
      ),
    )
  }

  #isOpen(): boolean {
    return this.#waiting.length === 0 && !this.#granted && this.#hasRoom()
  }

  /** Something ended, only waits now, or was pruned: the next one may come in. */
  wake(): void {
    if (this.#granted || this.#waiting.length === 0 || !this.#hasRoom()) return
    this.#granted = true
    this.#waiting.shift()!()
  }
}

/** Not now, but later. @param why as a sentence without its end */
export function overloaded(why: string): EventError {
  return new EventError({ code: "OVERLOADED", retryAfterMs: 1000 }, why, {
    remedy: "try again later; see what runs: mesg execution list --status running",
  })
}
