import type { TypedValue } from "../flow/nodes.ts"

/** The part of JSON Schema that forms are made of. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** A value that is written down, as Node-RED's typed inputs name its kind. */
export type Literal = "str" | "num" | "bool" | "json"

/** What a form offers for one property: kinds to write it down, the first one its own, and what may be chosen there. */
export interface Field {
  readonly kinds: readonly Literal[]
  /** As `value` of a typed input; null where anything may be written. */
  readonly choices: readonly string[] | null
}

const EVERY: readonly Literal[] = ["str", "num", "bool", "json"]

/**
 * @param given what the property says already: its kind is offered too, and its value among the choices, so that a form
 * that is opened and closed changes nothing
 */
export function fieldOf(schema: Schema, given: TypedValue | null, required: boolean): Field {
  const values = "const" in schema ? [schema.const] : schema.enum
  const own = values === undefined ? kindsOf(schema) : [kindOfAll(values)]
  const wasLiteral = EVERY.find((kind) => kind === given?.type)
  const more: Literal[] = values === undefined ? ["str"] : []
  const kinds = [...new Set([...own, ...more, ...(wasLiteral === undefined ? [] : [wasLiteral])])]
  const listed = values === undefined ? booleans(own) : values.map((value) => writtenAs(value, own[0]!))
  if (listed === null) return { kinds, choices: null }
  const chosen = given !== null && given.type === own[0] ? [given.value] : []
  // What need not be said can be left unsaid again.
  return { kinds, choices: [...new Set([...(required ? [] : [""]), ...listed, ...chosen])] }
}

function booleans([first]: readonly Literal[]): string[] | null {
  return first === "bool" ? ["true", "false"] : null
}

/** The kinds of a schema's types, in its order; all of them where it names none. */
function kindsOf({ type }: Schema): readonly Literal[] {
  const types = typeof type === "string" ? [type] : (type ?? [])
  return types.length === 0 ? EVERY : types.map(kindOfType)
}

function kindOfType(type: string): Literal {
  if (type === "string") return "str"
  if (type === "number" || type === "integer") return "num"
  return type === "boolean" ? "bool" : "json"
}

/** Values of several kinds are all written as JSON. */
function kindOfAll(values: readonly unknown[]): Literal {
  const [kind, ...others] = new Set(values.map((value) => (value === null ? "json" : kindOfType(typeof value))))
  return kind === undefined || others.length > 0 ? "json" : kind
}

function writtenAs(value: unknown, kind: Literal): string {
  return kind === "json" ? JSON.stringify(value) : String(value)
}

/** @returns the default of a schema as a form has it, null where there is none */
export function defaultOf({ default: value }: Schema): TypedValue | null {
  if (value === undefined) return null
  const type = value === null ? "json" : kindOfType(typeof value)
  return { type, value: writtenAs(value, type) }
}

/** Why a written value does not fit: a key of the catalogue, below `validation`, and its `limit`. */
export interface Misfit {
  readonly key: "number" | "integer" | "minimum" | "maximum" | "boolean" | "json" | "choice"
  readonly limit: string
}

/**
 * What can be said of a value at once. The agent, which knows the whole schema, says the rest at deploy.
 * @returns null where nothing is wrong, or where only the runtime knows the value
 */
export function misfitOf(schema: Schema, { type, value }: TypedValue): Misfit | null {
  if (/^\$[{(]/.test(value)) return null
  const misfit = (key: Misfit["key"], limit: unknown = "") => ({ key, limit: String(limit) })
  if (type === "num" && (value.trim() === "" || !Number.isFinite(Number(value)))) return misfit("number")
  if (type === "bool" && value !== "true" && value !== "false") return misfit("boolean")
  if (type === "json" && !isJson(value)) return misfit("json")
  if (!EVERY.some((kind) => kind === type) || value.includes("{{")) return null
  const { choices } = fieldOf(schema, null, true)
  const [own] = fieldOf(schema, null, true).kinds
  if (choices !== null && type === own && !choices.includes(value)) return misfit("choice", choices.join(", "))
  if (type !== "num") return null
  const number = Number(value)
  const { minimum = -Infinity, maximum = Infinity } = schema
  if (schema.type === "integer" && !Number.isInteger(number)) return misfit("integer")
  if (number < minimum) return misfit("minimum", minimum)
  return number > maximum ? misfit("maximum", maximum) : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
