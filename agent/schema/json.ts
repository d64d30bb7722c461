import { JSON_DEPTH_MAX } from "../base/limits.ts"

/** What JSON can carry: the data of events, inputs and results. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** @returns whether the value nests deeper than the limit; never recurses, so a hostile value cannot overflow the stack */
export function isTooDeep(value: unknown, depthMax = JSON_DEPTH_MAX): boolean {
  if (depthMax < 0) return true
  if (typeof value !== "object" || value === null) return false
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    if (isTooDeep(inner, depthMax - 1)) return true
  }
  return false
}

export type ParsedJson =
  | { ok: true; value: Json }
  /** @param why `syntax` where it is no JSON, `depth` or `value` where it is JSON that the agent does not take */
  | { ok: false; why: "syntax" | "depth" | "value"; message: string }

/**
 * Parses JSON text of the outside world: bounded in depth, never throws. What JSON can say and a value cannot carry is
 * refused by its JSON pointer, not changed: a number that no double holds (RFC 8259, section 6), half a surrogate pair
 * (section 8.2).
 */
export function parseJson(text: string): ParsedJson {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    return { ok: false, why: "syntax", message: (error as Error).message }
  }
  if (isTooDeep(value)) return { ok: false, why: "depth", message: `nests deeper than ${JSON_DEPTH_MAX} levels` }
  const lost = mayLose(text) ? lossIn(text) : null
  return lost === null ? { ok: true, value } : { ok: false, why: "value", message: lost }
}

/** Only digits without end, a large exponent or an escape can say what is lost: ordinary text is read once. */
function mayLose(text: string): boolean {
  return /[0-9]{16}|[eE]\+?[0-9]{3}|\\u[dD][89a-fA-F]/.test(text)
}

/** What stands in for a number that is not carried. */
const LOST = Object.freeze({})

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown

/** @param text of JSON, not too deep */
function lossIn(text: string): string | null {
  const mark: Reviver = (_, value, { source }) =>
    typeof value === "number" && source !== undefined && !isCarried(value, source) ? LOST : value
  return firstLoss(JSON.parse(text, mark as (name: string, value: unknown) => unknown), "")
}

/** A fraction is rounded as everywhere; an integer that would become another one is not, nor is what has no end. */
function isCarried(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false
  return !/^-?[0-9]{16,}$/.test(source) || String(value) === source || BigInt(value) === BigInt(source)
}

function firstLoss(value: unknown, path: string): string | null {
  if (value === LOST) return `${path || "it"} is a number that JSON carries and a double does not`
  if (typeof value === "string" && !value.isWellFormed()) return `${path || "it"} holds half a surrogate pair`
  if (typeof value !== "object" || value === null) return null
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return `a name in ${path || "it"} holds half a surrogate pair`
    const lost = firstLoss(member, `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`)
    if (lost !== null) return lost
  }
  return null
}
