import { JSON_DEPTH_MAX } from "../base/limits.ts"
import { bytesAbove } from "./json-size.ts"
import type { Json, JsonObject } from "./json.ts"

export type PlainJson =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly why: "size" | "value"; readonly path: string; readonly message: string }

/** A copy that shares nothing with the original. @param value is known to be plain JSON */
export function copyJson<Value extends Json>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item: Json) => copyJson(item)) as Json as Value
  const copy: Record<string, Json> = {}
  for (const key of Object.keys(value)) setMember(copy, key, copyJson((value as JsonObject)[key]!))
  return copy as Json as Value
}

/** As an assignment, but `__proto__` is a member like any other. */
export function setMember(target: Record<string, Json>, key: string, value: Json): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  } else target[key] = value
}

/** The names and indexes that lead to a value. */
type Path = (string | number)[]

class NotPlain extends Error {
  readonly path: string
  constructor(path: Path, message: string) {
    super(message)
    this.path = path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
  }
}

/**
 * A copy of what a service handed over, holding nothing but JSON: no functions, class instances, cycles, NaN or holes,
 * bounded in depth. A member whose value is undefined is left out, as JSON.stringify does.
 * @param bytesMax most bytes of its JSON text
 * @returns the copy, or the JSON pointer of the first value that is not JSON
 */
export function plainJson(value: unknown, bytesMax: number): PlainJson {
  try {
    const copy = copyOf(value, [])
    const bytes = bytesAbove(copy, bytesMax)
    if (bytes === null) return { ok: true, value: copy }
    return { ok: false, why: "size", path: "", message: `takes ${bytes} bytes, at most ${bytesMax} are allowed` }
  } catch (error) {
    if (error instanceof NotPlain) return { ok: false, why: "value", path: error.path, message: error.message }
    // A getter or proxy of the service threw.
    return { ok: false, why: "value", path: "", message: error instanceof Error ? error.message : String(error) }
  }
}

// Depth is bounded, so the recursion is, and a cycle ends as "nests deeper".
function copyOf(value: unknown, path: Path): Json {
  if (value === null || typeof value === "boolean") return value
  if (typeof value === "string") {
    if (value.isWellFormed()) return value
    throw new NotPlain(path, "holds half a surrogate pair, which UTF-8 cannot carry")
  }
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value
    throw new NotPlain(path, `is ${value}, which JSON cannot carry`)
  }
  if (typeof value !== "object") throw new NotPlain(path, `is a ${typeof value}, which JSON cannot carry`)
  if (path.length >= JSON_DEPTH_MAX)
    throw new NotPlain(path, `nests deeper than ${JSON_DEPTH_MAX} levels, or contains itself`)
  if (Array.isArray(value)) return Array.from(value, (item, i) => memberOf(item, i, path))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && !isForeignPlain(prototype as object)) {
    throw new NotPlain(path, `is an instance of ${value.constructor?.name ?? "a class"}, not a plain object`)
  }
  const copy: Record<string, Json> = {}
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key]
    if (member === undefined) continue
    if (!key.isWellFormed()) throw new NotPlain(path, "has a name with half a surrogate pair, which UTF-8 cannot carry")
    setMember(copy, key, memberOf(member, key, path))
  }
  return copy
}

function memberOf(value: unknown, key: string | number, path: Path): Json {
  path.push(key)
  const copy = copyOf(value, path)
  path.pop()
  return copy
}

/** Objects of another realm (a vm context) have another Object.prototype, which itself has none. */
function isForeignPlain(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf")
}
