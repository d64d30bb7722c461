import type { ExecutionId } from "../../base/ids.ts"
import { DEDUPE_GENERATIONS, DEDUPE_IDS_MAX, DEDUPE_WINDOW_MS } from "../../base/limits.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"

interface Generation {
  readonly number: number
  readonly startedMs: number
  count: number
}

interface EventIdRecord {
  readonly v: 1
  readonly executions: readonly ExecutionId[]
  /** Fingerprint of the data; left out where nobody could be told that a repeat has other data. */
  readonly data?: string
}

/** What is known of an id that was seen. */
export interface Known {
  /** The executions that the event made when it was first accepted. */
  readonly executions: readonly ExecutionId[]
  readonly data: string | null
}

/**
 * Remembers event ids for a week or a million of them. They lie in generations; a generation is forgotten whole when
 * enough newer ones hold the window, and swept out of the store later: no event pays for it. See docs/spec/events.md#ids
 */
export class Dedupe {
  readonly #store: Store
  #generations: Generation[] = []

  constructor(store: Store) {
    this.#store = store
  }

  load(nowMs: number): void {
    const record = this.#store.get(TABLE.meta, ["generations"]) as
      | { list: { number: number; startedMs: number }[] }
      | undefined
    this.#generations = (record?.list ?? []).map(({ number, startedMs }) => ({ number, startedMs, count: 0 }))
    const newest = this.#generations.at(-1)
    if (newest === undefined) this.#generations = [{ number: 1, startedMs: nowMs, count: 0 }]
    else newest.count = this.#store.count(TABLE.eventId, { prefix: [newest.number] })
  }

  /** @returns null where the id is new */
  find(service: string, event: string, id: string): Known | null {
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const found = this.#store.get(TABLE.eventId, [this.#generations[i]!.number, service, event, id])
      if (found === undefined) continue
      const { executions, data = null } = found as EventIdRecord
      return { executions, data }
    }
    return null
  }

  /** What remembers an id: goes into the event's own write. */
  remember(service: string, event: string, id: string, { executions, data }: Known, nowMs: number): Change[] {
    const turned = this.#turn(nowMs)
    const generation = this.#generations.at(-1)!
    generation.count++
    const value: EventIdRecord = { v: 1, executions, ...(data === null ? {} : { data }) }
    return [...turned, { put: TABLE.eventId, key: [generation.number, service, event, id], value }]
  }

  /** Begins a new generation when the newest is full or old, and forgets those that the window no longer needs. */
  #turn(nowMs: number): Change[] {
    const newest = this.#generations.at(-1)!
    const isFull = newest.count >= DEDUPE_IDS_MAX / DEDUPE_GENERATIONS
    const isOld = nowMs - newest.startedMs >= DEDUPE_WINDOW_MS / DEDUPE_GENERATIONS
    if (!isFull && !isOld) return []
    this.#generations.push({ number: newest.number + 1, startedMs: nowMs, count: 0 })
    // One more than the window holds: the oldest generation is only forgotten when all of it has left the window.
    this.#generations.splice(0, Math.max(0, this.#generations.length - DEDUPE_GENERATIONS - 1))
    const list = this.#generations.map(({ number, startedMs }) => ({ number, startedMs }))
    return [{ put: TABLE.meta, key: ["generations"], value: { v: 1, list } }]
  }

  /** @returns what removes ids of forgotten generations, at most `limit` of them */
  sweep(limit: number): Change[] {
    const [oldest] = this.#generations
    if (oldest === undefined) return []
    const range = { end: [oldest.number], limit }
    return [...this.#store.range(TABLE.eventId, range)].map(({ key }): Change => ({ remove: TABLE.eventId, key }))
  }
}
