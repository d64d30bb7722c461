import type { ExecutionId } from "../../base/ids.ts"
import {
  DEDUPE_GENERATIONS,
  DEDUPE_ID_BYTES,
  DEDUPE_IDS_MAX,
  DEDUPE_KEPT_MS_MIN,
  DEDUPE_QUOTA_SHARE,
  DEDUPE_WINDOW_MS,
} from "../../base/limits.ts"
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
 * Remembers event ids for a week or a million of them, fewer where the quota is small. They lie in generations; a generation is forgotten whole when
 * enough newer ones hold the window, and swept out of the store later: no event pays for it. See docs/spec/events.md#ids
 */
export class Dedupe {
  readonly #store: Store
  #generations: Generation[] = []
  #idsMax = DEDUPE_IDS_MAX

  constructor(store: Store) {
    this.#store = store
  }

  load(nowMs: number): void {
    this.#measure()
    const record = this.#store.get(TABLE.meta, ["generations"]) as
      | { list: { number: number; startedMs: number }[] }
      | undefined
    this.#generations = (record?.list ?? []).map(({ number, startedMs }) => ({ number, startedMs, count: 0 }))
    // The first one is written with the second.
    if (this.#generations.length === 0) this.#generations = [{ number: 1, startedMs: nowMs, count: 0 }]
    const newest = this.#generations.at(-1)!
    newest.count = this.#store.count(TABLE.eventId, { prefix: [newest.number] })
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
    const isFull = newest.count >= this.#idsMax / DEDUPE_GENERATIONS
    const isOld = nowMs - newest.startedMs >= DEDUPE_WINDOW_MS / DEDUPE_GENERATIONS
    if (!isFull && !isOld) return []
    this.#begin(nowMs)
    // One more than the window holds: the oldest generation is only forgotten when all of it has left the window.
    this.#generations.splice(0, Math.max(0, this.#generations.length - DEDUPE_GENERATIONS - 1))
    return this.#record()
  }

  #begin(nowMs: number): void {
    this.#generations.push({ number: this.#generations.at(-1)!.number + 1, startedMs: nowMs, count: 0 })
  }

  #record(): Change[] {
    const list = this.#generations.map(({ number, startedMs }) => ({ number, startedMs }))
    return [{ put: TABLE.meta, key: ["generations"], value: { v: 1, list } }]
  }

  /**
   * Room is needed and nothing else can go: forgets the oldest generation, once all of it is DEDUPE_KEPT_MS_MIN old.
   * @returns what must be written, empty where nothing gives way now
   */
  giveWay(nowMs: number): Change[] {
    const [oldest, next] = this.#generations
    if (oldest === undefined) return []
    if (next === undefined) {
      if (oldest.count === 0) return []
      // What comes from now on is not in the way of the others.
      this.#begin(nowMs)
      return this.#record()
    }
    if (nowMs - next.startedMs < DEDUPE_KEPT_MS_MIN) return []
    this.#generations.shift()
    return this.#record()
  }

  #measure(): void {
    const idsMax = Math.floor((this.#store.usage().quotaBytes * DEDUPE_QUOTA_SHARE) / DEDUPE_ID_BYTES)
    this.#idsMax = Math.min(DEDUPE_IDS_MAX, idsMax)
  }

  /** @returns what removes ids of forgotten generations, at most `limit` of them */
  sweep(limit: number): Change[] {
    this.#measure()
    const [oldest] = this.#generations
    if (oldest === undefined) return []
    const range = { end: [oldest.number], limit }
    return [...this.#store.range(TABLE.eventId, range)].map(({ key }): Change => ({ remove: TABLE.eventId, key }))
  }
}
