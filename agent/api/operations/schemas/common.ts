import * as v from "valibot"
import { LIST_LIMIT_MAX } from "../../../base/limits.ts"
import type { Json, JsonObject } from "../../../schema/json.ts"

/** What one operation takes and gives; a part it has none of is left out, and then nothing may be sent for it. */
export interface OperationSchemas {
  readonly params?: v.GenericSchema
  readonly query?: v.GenericSchema
  readonly body?: v.GenericSchema
  readonly output?: v.GenericSchema
}

/** Any JSON value; depth and size were bounded when the body was read. */
export const JsonSchema = v.pipe(
  v.unknown(),
  v.transform((value) => value as Json),
)
export const JsonObjectSchema = v.pipe(
  v.custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "an object",
  ),
  v.transform((value) => value as JsonObject),
)

/** ISO 8601. */
export const TimeSchema = v.pipe(v.string(), v.isoTimestamp())

export const LimitSchema = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,3}$/, `a limit is a number from 1 to ${LIST_LIMIT_MAX}`),
  v.transform(Number),
  v.maxValue(LIST_LIMIT_MAX, `a limit is a number from 1 to ${LIST_LIMIT_MAX}`),
)

/** The query of a list. @param place what its cursors are made of: where the last page ended */
export function pagingBy<const Place extends v.GenericSchema<string, string>>(place: Place) {
  const cursor = v.pipe(
    v.string(),
    v.check((text) => v.is(place, text), "is no cursor of this list: take the one that the last page gave"),
  )
  return { limit: v.optional(LimitSchema), cursor: v.optional(cursor) }
}

/** A page of a list: its items and where to go on. */
export function pageOf<const Item extends v.GenericSchema>(item: Item) {
  return v.object({ items: v.array(item), cursor: v.nullable(v.string()) })
}

/** A comma-separated list in a query. */
export function listOf<const Value extends string>(values: readonly Value[]) {
  return v.pipe(
    v.string(),
    v.transform((text) => text.split(",")),
    v.array(v.picklist(values)),
  )
}
