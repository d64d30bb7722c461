import { EVENT_DATA_BYTES_MAX } from "../base/limits.ts"
import type { Json, JsonObject } from "../schema/json.ts"

/** JSON takes no more bytes for a character (`\u0000`), for a number or for what stands between values. */
const BYTES_PER_UNIT_MAX = 6
/** Of a number, as it is held; its text has up to 24 characters. */
const NUMBER_UNITS = 8
const WORD_UNITS = 5
/** The quotation marks of a text, the comma or colon behind it. */
const MARKS_UNITS = 3

/** Whether the data of an event takes more bytes of JSON than an event may carry. @param data within JSON_DEPTH_MAX */
export function isLarge(data: Json): boolean {
  if (dataLength(data) * BYTES_PER_UNIT_MAX <= EVENT_DATA_BYTES_MAX) return false
  return Buffer.byteLength(typeof data === "string" ? data : JSON.stringify(data)) > EVENT_DATA_BYTES_MAX
}

/** About how much it costs to hold the data, in characters. Asked for every event: it is not put into text for that. */
export function dataLength(data: Json): number {
  if (typeof data === "string") return data.length + MARKS_UNITS
  if (typeof data === "number") return NUMBER_UNITS
  if (typeof data !== "object" || data === null) return WORD_UNITS
  let length = MARKS_UNITS
  if (Array.isArray(data)) {
    for (const item of data as readonly Json[]) length += dataLength(item) + 1
    return length
  }
  const object = data as JsonObject
  for (const name of Object.keys(object)) length += name.length + MARKS_UNITS + dataLength(object[name]!) + 1
  return length
}
