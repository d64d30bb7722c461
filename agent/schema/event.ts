import type { ServiceId } from "../base/ids.ts"
import type { Json } from "./json.ts"

/** One accepted event of a Service. */
export interface Event {
  readonly service: ServiceId
  readonly event: string
  readonly data: Json
  /** The sender's id, the key of deduplication; null where it gave none. */
  readonly id: string | null
  /** ms since epoch, the Core's own clock at acceptance. */
  readonly timeMs: number
}

/** An event whose data broke its schema: acknowledged, kept with the reason, never delivered. */
export interface RefusedEvent {
  readonly service: string
  readonly event: string
  readonly id: string | null
  readonly timeMs: number
  readonly code: string
  readonly reason: string
}
