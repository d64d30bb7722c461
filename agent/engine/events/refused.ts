import { REFUSED_EVENTS_KEPT_MAX } from "../../base/limits.ts"
import type { Change, Store } from "../../ports/store.ts"
import type { RefusedEvent } from "../../schema/event.ts"
import { TABLE } from "../../schema/tables.ts"
import type { Page, Paging } from "../core.ts"
import { pageSize } from "../page.ts"

/** Events that were acknowledged and not delivered, the newest with their reasons: a ring in the store. */
export class RefusedEvents {
  readonly #store: Store
  #next = 0
  count = 0

  constructor(store: Store) {
    this.#store = store
  }

  load(): void {
    for (const { value } of this.#store.range(TABLE.refused)) {
      this.#next = Math.max(this.#next, (value as { seq: number }).seq + 1)
    }
  }

  add(event: RefusedEvent): Change {
    this.count++
    const seq = this.#next++
    return { put: TABLE.refused, key: [seq % REFUSED_EVENTS_KEPT_MAX], value: { v: 1, seq, event } }
  }

  /** Newest first. */
  list({ limit, cursor }: Paging): Page<RefusedEvent> {
    const size = pageSize(limit)
    const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor)
    const all = [...this.#store.range(TABLE.refused)].map(({ value }) => value as { seq: number; event: RefusedEvent })
    const rest = all.filter(({ seq }) => seq < before).sort((a, b) => b.seq - a.seq)
    const shown = rest.slice(0, size)
    return {
      items: shown.map(({ event }) => event),
      cursor: rest.length > size ? String(shown.at(-1)!.seq) : null,
    }
  }
}
