import type { EventItem } from "../api/shapes.ts"
import { EVENTS_KEPT_MAX } from "../limits.ts"
import type { Message } from "../red.ts"
import { scopeOf } from "./scope.ts"

interface Kept {
  readonly item: EventItem
  readonly heardMs: number
}

/** The last events that a wait node listens for: one counts also where it came before the statuses. */
export class KeptEvents {
  readonly #kept: Kept[] = []

  add(item: EventItem): void {
    this.#kept.push({ item, heardMs: performance.now() })
    if (this.#kept.length > EVENTS_KEPT_MAX) this.#kept.shift()
  }

  /**
   * @param sinceMs when the message came to the node
   * @returns what came since then, or since the event that the message began with; neither that one nor the one that it
   * waited for last
   */
  since(message: Message, sinceMs: number): EventItem[] {
    const { trigger, event } = scopeOf(message) as { trigger?: Partial<EventItem>; event?: Partial<EventItem> }
    const begunMs = Date.parse(trigger?.time ?? "")
    return this.#kept
      .filter(({ item, heardMs }) => heardMs >= sinceMs || Date.parse(item.time) >= begunMs)
      .map(({ item }) => item)
      .filter((item) => !isSame(item, trigger) && !isSame(item, event))
  }
}

function isSame(item: EventItem, other: Partial<EventItem> | undefined): boolean {
  const { service, event, id, time } = item
  return other?.service === service && other.event === event && other.id === id && other.time === time
}
