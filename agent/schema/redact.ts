import * as v from "valibot"
import { REDACT_PATH_LENGTH_MAX, REDACT_PATHS_MAX } from "../base/limits.ts"
import { REDACTED } from "../base/hidden.ts"
import type { Json } from "./json.ts"

/** Fields of a payload that are kept but not shown: JSON pointers (RFC 6901) in which a level `*` is each member or item. */
export const RedactSchema = v.pipe(
  v.array(
    v.pipe(
      v.string(),
      v.maxLength(REDACT_PATH_LENGTH_MAX),
      v.regex(/^(?:\/(?:[^~/]|~[01])*)+$/, "a path is like /card/number or /items/*/price"),
    ),
  ),
  v.maxLength(REDACT_PATHS_MAX),
)

/** Fields that hold the same in several forms, as text and parsed: who redacts a part of one redacts the others whole. */
export const FormsSchema = v.pipe(RedactSchema, v.minLength(2, "a thing has two forms or more"))

/** @returns the data as it may be shown; what a path leads to is REDACTED, whatever it is. Paths may lead nowhere. */
export function redacted<Data extends Json>(data: Data, paths: readonly string[]): Data {
  return paths.reduce<Json>((shown, path) => hideAt(shown, levelsOf(path)), data) as Data
}

/** @returns the paths, and with them every field that shows in another form what they hide */
export function inAllForms(paths: readonly string[], forms: readonly string[] = []): readonly string[] {
  const touched = forms.filter((form) => paths.some((path) => meet(levelsOf(path), levelsOf(form))))
  const shows = (form: string) => touched.some((other) => other !== form)
  return [...new Set([...paths, ...forms.filter(shows)])]
}

/** Whether one of two paths leads into the other. */
function meet(path: readonly string[], other: readonly string[]): boolean {
  return path.every((level, i) => level === "*" || i >= other.length || other[i] === "*" || level === other[i])
}

function hideAt(value: Json, [level, ...rest]: readonly string[]): Json {
  if (level === undefined) return REDACTED
  if (typeof value !== "object" || value === null) return value
  const at = (name: string, inner: Json) => (level === "*" || level === name ? hideAt(inner, rest) : inner)
  if (Array.isArray(value)) return value.map((item: Json, i) => at(String(i), item))
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, at(name, inner as Json)]))
}

function levelsOf(path: string): string[] {
  return path
    .slice(1)
    .split("/")
    .map((level) => level.replaceAll("~1", "/").replaceAll("~0", "~"))
}
