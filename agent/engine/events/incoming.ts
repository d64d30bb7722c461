import type { Change } from "../../ports/store.ts"
import type { DataCheck } from "../../schema/data-schema.ts"
import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"
import type { Accepted } from "../core.ts"
import { EVENT_ID_REUSED } from "./error.ts"

/** An event as a service, a program or the API hands it in. */
export interface IncomingEvent {
  readonly service: string
  readonly event: string
  readonly data: Json
  readonly id?: string | null
}

export interface AcceptOptions {
  /** Waits for room instead of failing with OVERLOADED: for senders that can be made to wait. */
  readonly patient?: boolean
  /** Changes that must be durable together with the event; asked for only if there is a write. */
  readonly also?: () => readonly Change[]
}

/** Of a repeat that differs nobody can be told who sent it: it is kept among the refused. @throws EventError */
export async function acceptOrKeep(inbox: EventIntake, incoming: IncomingEvent, options: AcceptOptions): Promise<void> {
  const { differs } = await inbox.accept(incoming, options)
  const { service, event, id = null } = incoming
  if (differs) await inbox.keepRefused("EVENT_ID_REUSED", service, event, id, EVENT_ID_REUSED)
}

/** What services need of the inbox. */
export interface EventIntake {
  /** @throws EventError */
  accept(event: IncomingEvent, options?: AcceptOptions): Promise<Accepted>
  /** Acknowledged and kept with the reason, never delivered. @throws EventError always */
  refuse(code: EventRefusal, service: string, event: string, id: string | null, reason: string): Promise<never>
  /** Kept with the reason. */
  keepRefused(code: EventRefusal, service: string, event: string, id: string | null, reason: string): Promise<void>
}

export type EventRefusal =
  | "UNKNOWN_SERVICE"
  | "UNKNOWN_EVENT"
  | "EVENT_DATA_INVALID"
  | "EVENT_TOO_LARGE"
  | "EVENT_ID_INVALID"
  | "EVENT_ID_REUSED"

/** What the inbox needs of the services. */
export interface EventCatalogue {
  /** The data of an event without what its manifest redacts. */
  shownData(event: Event): Json
  /** The fields by which a repeat of an event is recognised as the same: those its manifest names, else all. */
  identifying(service: string, event: string, data: Json): Json
  /** The check of one event's data. */
  eventCheck(service: string, event: string): DataCheck | "unknown-service" | "unknown-event"
}
