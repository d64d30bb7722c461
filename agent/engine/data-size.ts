import { EVENT_DATA_BYTES_MAX } from "../base/limits.ts"
import type { Json } from "../schema/json.ts"

/** Whether the data of an event takes more bytes of JSON than an event may carry. */
export function isLarge(data: Json): boolean {
  const text = textOf(data)
  return (
    text.length > EVENT_DATA_BYTES_MAX ||
    (text.length * 3 > EVENT_DATA_BYTES_MAX && Buffer.byteLength(text) > EVENT_DATA_BYTES_MAX)
  )
}

/** About how much it costs to hold the data: characters of its text. */
export function dataLength(data: Json): number {
  return textOf(data).length
}

/** The data as text: a text stays what it is. */
function textOf(data: Json): string {
  return typeof data === "string" ? data : JSON.stringify(data)
}
