import { MesgError } from "../../base/errors.ts"

export class EventError extends MesgError<
  | { code: "UNKNOWN_SERVICE"; service: string }
  | { code: "UNKNOWN_EVENT"; service: string; event: string }
  | { code: "EVENT_DATA_INVALID"; service: string; event: string }
  | { code: "EVENT_TOO_LARGE"; service: string; event: string }
  | { code: "EVENT_ID_INVALID"; service: string; event: string }
  | { code: "EVENT_ID_REUSED"; service: string; event: string }
  | { code: "OVERLOADED"; retryAfterMs: number }
  | { code: "SAFE_MODE" }
> {}

export const EVENT_ID_REUSED = "an event with this id and other data was accepted before; that one counts"
