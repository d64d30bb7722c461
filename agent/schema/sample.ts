import { JSON_DEPTH_MAX } from "../base/limits.ts"
import type { Json, JsonObject } from "./json.ts"

/**
 * Data that a JSON Schema lets pass, where that can be told from its keywords: what it gives itself (`const`, `default`,
 * `examples`, `enum`), else the plainest value of its type. Patterns, conditions and references are not solved: whoever
 * needs to be sure checks the sample.
 */
export function sampleOf(given: Json | undefined, depth = 0): Json {
  if (typeof given !== "object" || given === null || Array.isArray(given) || depth > JSON_DEPTH_MAX) return {}
  const schema = given as JsonObject
  const { const: only, default: standard, examples, enum: choices } = schema
  const own = [only, standard, ...listOf(examples), ...listOf(choices)].find((value) => value !== undefined)
  if (own !== undefined) return own
  const [choice] = [...listOf(schema["oneOf"]), ...listOf(schema["anyOf"]), ...listOf(schema["allOf"])]
  if (choice !== undefined && schema["type"] === undefined) return sampleOf(choice, depth + 1)
  const [type] = [...listOf(schema["type"]), schema["type"]].filter((name) => name !== "null")
  switch (type) {
    case "string":
      return textOf(schema)
    case "integer":
    case "number":
      return numberOf(schema)
    case "boolean":
      return true
    case "array":
      return Array.from({ length: wholeOf(schema["minItems"]) }, () => sampleOf(schema["items"], depth + 1))
    case undefined:
      return schema["type"] === "null" ? null : objectOf(schema, depth)
    default:
      return objectOf(schema, depth)
  }
}

const ITEMS_MAX = 100

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00Z",
  email: "someone@example.org",
  uri: "https://example.org/",
  hostname: "example.org",
  ipv4: "192.0.2.1",
  uuid: "00000000-0000-4000-8000-000000000000",
}

function objectOf({ properties }: JsonObject, depth: number): Json {
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return {}
  return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, sampleOf(inner, depth + 1)]))
}

function textOf({ format, minLength }: JsonObject): string {
  const known = typeof format === "string" && Object.hasOwn(FORMATS, format) ? FORMATS[format]! : "text"
  return known.padEnd(wholeOf(minLength), ".")
}

function numberOf({ minimum, exclusiveMinimum, maximum }: JsonObject): number {
  if (typeof exclusiveMinimum === "number") return exclusiveMinimum + 1
  if (typeof minimum === "number") return minimum
  return typeof maximum === "number" ? Math.min(1, maximum) : 1
}

function wholeOf(count: Json | undefined): number {
  return typeof count === "number" ? Math.min(Math.max(0, Math.ceil(count)), ITEMS_MAX) : 0
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}
