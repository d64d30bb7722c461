import { EVENTS_WAITING_MAX } from "../../base/limits.ts"
import { EventError } from "../events/error.ts"

/**
 * Lets new executions in while there is room, in the order in which they came: who waits is woken one at a time, and
 * nobody passes meanwhile. Only what moves an execution that waits passes those who would fill a full store with new ones:
 * that execution may be what fills it.
 */
export class Room {
  readonly #hasRoom: (moves: boolean) => boolean
  readonly #waiting: { readonly moves: boolean; readonly grant: () => void }[] = []
  #granted = false
  #isClosed = false

  /** @param hasRoom for what also moves an execution that waits, or for any */
  constructor(hasRoom: (moves: boolean) => boolean) {
    this.#hasRoom = hasRoom
  }

  /** Safe mode: what there is may be looked at and ended, and nothing begins. */
  close(): void {
    this.#isClosed = true
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** For those who cannot wait. @throws EventError OVERLOADED where there is no room for one more execution, SAFE_MODE */
  check(moves = false): void {
    if (this.#isClosed) throw safeMode()
    if (this.#isOpen(moves)) return
    throw overloaded("too many executions are running or the disk quota is reached")
  }

  /**
   * @returns null where there is room; else resolves when there is, with what must be called once it is taken
   * @throws EventError OVERLOADED where too many wait already
   */
  enter(moves = false): Promise<() => void> | null {
    if (this.#isOpen(moves)) return null
    if (this.#waiting.length >= EVENTS_WAITING_MAX) throw overloaded(`${EVENTS_WAITING_MAX} events wait for room`)
    return new Promise((resolve) =>
      this.#waiting.push({
        moves,
        grant: () =>
          resolve(() => {
            this.#granted = false
            this.wake()
          }),
      }),
    )
  }

  #isOpen(moves: boolean): boolean {
    if (this.#granted) return false
    return this.#waiting.length === 0 ? this.#hasRoom(moves) : moves && !this.#hasRoom(false) && this.#hasRoom(true)
  }

  /** Something ended, only waits now, or was pruned: the next one may come in. */
  wake(): void {
    if (this.#granted || this.#waiting.length === 0) return
    const at = this.#hasRoom(false) ? 0 : this.#waiting.findIndex(({ moves }) => moves && this.#hasRoom(true))
    if (at === -1) return
    this.#granted = true
    this.#waiting.splice(at, 1)[0]!.grant()
  }
}

/** Nothing begins before the agent is started in another way. */
export function safeMode(): EventError {
  return new EventError({ code: "SAFE_MODE" }, "the agent is in safe mode: it takes no events and begins nothing", {
    remedy: "put right what kept it from running, then start it without --safe",
  })
}

/** Not now, but later. @param why as a sentence without its end */
export function overloaded(why: string): EventError {
  return new EventError({ code: "OVERLOADED", retryAfterMs: 1000 }, why, {
    remedy: "try again later; see what runs: mesg execution list --status running",
  })
}
