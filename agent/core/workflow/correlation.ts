import type { Json } from "../../schema/json.ts"

/** A `where` of the form `data.<path> = trigger.data.<path>`: awaited events can be found by value instead of one by one. */
export interface Correlation {
  readonly dataPath: readonly string[]
  readonly triggerPath: readonly string[]
}

const PATH = "[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*"
const DATA_FIRST = new RegExp(`^\\s*data\\.(${PATH})\\s*=\\s*trigger\\.data\\.(${PATH})\\s*$`)
const TRIGGER_FIRST = new RegExp(`^\\s*trigger\\.data\\.(${PATH})\\s*=\\s*data\\.(${PATH})\\s*$`)
const WORDS = /\b(?:and|or|in|true|false|null)\b/

/** @returns null where the expression says more than one equality of two plain paths */
export function correlationOf(where: string | null): Correlation | null {
  if (where === null || WORDS.test(where)) return null
  const dataFirst = DATA_FIRST.exec(where)
  if (dataFirst) return { dataPath: dataFirst[1]!.split("."), triggerPath: dataFirst[2]!.split(".") }
  const triggerFirst = TRIGGER_FIRST.exec(where)
  if (triggerFirst) return { dataPath: triggerFirst[2]!.split("."), triggerPath: triggerFirst[1]!.split(".") }
  return null
}

/**
 * The value at a plain path as a key that is equal exactly where JSONata calls the values equal.
 * @returns "none" where there is no value (nothing equals it), null where it is no scalar and must be judged by JSONata
 */
export function correlationKey(data: Json, path: readonly string[]): string | null {
  let value: Json | undefined = data
  for (const name of path) {
    if (Array.isArray(value)) return null
    if (typeof value !== "object" || value === null) return "none"
    value = Object.hasOwn(value, name) ? (value as { [key: string]: Json })[name] : undefined
    if (value === undefined) return "none"
  }
  if (value === null || typeof value !== "object") return `${typeof value}:${String(value)}`
  return null
}
