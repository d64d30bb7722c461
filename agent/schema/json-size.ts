import { utf8Length } from "../base/bytes.ts"
import { EVENT_DATA_BYTES_MAX } from "../base/limits.ts"
import type { Json, JsonObject } from "./json.ts"

/** JSON takes no more bytes for a character (`\u0000`), for a number or for what stands between values. */
const BYTES_PER_UNIT_MAX = 6
/** Of a number, as it is held; its text has up to 24 characters. */
const NUMBER_UNITS = 8
const WORD_UNITS = 5
/** The quotation marks of a text, the comma or colon behind it. */
const MARKS_UNITS = 3

/** Whether the data of an event takes more bytes than an event may carry. */
export function isLarge(data: Json): boolean {
  if (typeof data === "string") return utf8Length(data) > EVENT_DATA_BYTES_MAX
  return bytesAbove(data, EVENT_DATA_BYTES_MAX) !== null
}

/**
 * What is far from the bound is not put into text.
 * @param data nested no deeper than JSON_DEPTH_MAX @returns the bytes of its JSON text where they are more, else null
 */
export function bytesAbove(data: Json, bytesMax: number): number | null {
  if (dataLength(data) * BYTES_PER_UNIT_MAX <= bytesMax) return null
  const bytes = utf8Length(JSON.stringify(data))
  return bytes > bytesMax ? bytes : null
}

/** About how much it costs to hold the data, in characters. */
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
