import type { JsonObject } from "../../schema/json.ts"
import { useInstead } from "./refuse.ts"

/** What is known of a value that an expression may name. */
export type Known =
  /** Exactly these members. */
  | { readonly kind: "members"; readonly names: readonly string[]; member(name: string): Known | undefined }
  /** Data that fits one of these JSON Schemas. */
  | { readonly kind: "data"; readonly schemas: readonly JsonObject[]; readonly of: string }
  /** The name exists, but its value is never there. */
  | { readonly kind: "never"; readonly why: string; readonly remedy: string }
  /** The value may be missing. */
  | { readonly kind: "perhaps"; readonly why: string; readonly known: Known }
  | { readonly kind: "anything" }

export const ANYTHING = { kind: "anything" } as const

/** Exactly the members of a record. */
export function membersOf(members: Readonly<Record<string, Known>>): Known {
  return {
    kind: "members",
    names: Object.keys(members),
    member: (name) => (Object.hasOwn(members, name) ? members[name] : undefined),
  }
}

export interface NameFault {
  /** Refused, or only warned of because the value may be there after all. */
  readonly certain: boolean
  readonly message: string
  readonly remedy: string
}

/**
 * Follows the names of an expression's path through what is known.
 * @param names from the root of the scope: ["tasks", "pay", "data", "hash"]
 * @returns what is wrong with the first name that is not there, null where nothing is known to be
 */
export function faultOf(names: readonly string[], scope: Known): NameFault | null {
  let known = scope
  let doubt: NameFault | null = null
  for (const [i, name] of names.entries()) {
    const step = stepInto(known, name, names.slice(0, i).join("."))
    if (step.kind === "fault") return step.fault
    known = step.known
    if (known.kind === "never") return { certain: true, message: known.why, remedy: known.remedy }
    if (known.kind === "perhaps") {
      doubt ??= { certain: false, message: known.why, remedy: "" }
      known = known.known
    }
  }
  return doubt
}

type Step = { readonly kind: "known"; readonly known: Known } | { readonly kind: "fault"; readonly fault: NameFault }

function stepInto(known: Known, name: string, path: string): Step {
  if (known.kind === "members") {
    const member = known.member(name)
    if (member !== undefined) return { kind: "known", known: member }
    const remedy = useInstead(name, known.names, "leave it out: there is nothing to name")
    return {
      kind: "fault",
      fault: { certain: true, message: `${path === "" ? "the scope" : `\`${path}\``} has no \`${name}\``, remedy },
    }
  }
  if (known.kind !== "data") return { kind: "known", known: ANYTHING }
  const found = known.schemas.map((schema) => memberOf(schema, name))
  if (found.some((one) => one.kind === "anything")) return { kind: "known", known: ANYTHING }
  const schemas = found.flatMap((one) => (one.kind === "schema" ? [one.schema] : []))
  if (schemas.length > 0) return { kind: "known", known: { kind: "data", schemas, of: known.of } }
  const listed = [...new Set(known.schemas.flatMap(listedMembers))]
  const certain = found.every((one) => one.kind === "absent" && one.closed)
  const message = `\`${path}\` has no \`${name}\`, says the schema of ${known.of}`
  return { kind: "fault", fault: { certain, message, remedy: useInstead(name, listed, "it has no members") } }
}

type Member =
  | { readonly kind: "anything" }
  | { readonly kind: "schema"; readonly schema: JsonObject }
  /** `closed`: the schema forbids it; else it only does not list it. */
  | { readonly kind: "absent"; readonly closed: boolean }

/** Keywords by which a member may be described elsewhere than in `properties`. */
const ELSEWHERE = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"]
const SCALARS = ["string", "number", "integer", "boolean", "null"]

function memberOf(schema: JsonObject, name: string): Member {
  if (ELSEWHERE.some((keyword) => keyword in schema) || "prefixItems" in schema) return { kind: "anything" }
  // JSONata maps a path over the items of an array.
  if (schema["type"] === "array") return isSchema(schema["items"]) ? memberOf(schema["items"], name) : ANYTHING
  const { properties, additionalProperties: others } = schema
  if (isSchema(properties) && Object.hasOwn(properties, name)) {
    const member = properties[name]
    return isSchema(member) ? { kind: "schema", schema: member } : ANYTHING
  }
  if (others === false) return { kind: "absent", closed: true }
  if (typeof schema["type"] === "string" && SCALARS.includes(schema["type"])) return { kind: "absent", closed: false }
  return isSchema(properties) && others === undefined ? { kind: "absent", closed: false } : { kind: "anything" }
}

function listedMembers(schema: JsonObject): string[] {
  if (schema["type"] === "array" && isSchema(schema["items"])) return listedMembers(schema["items"])
  return isSchema(schema["properties"]) ? Object.keys(schema["properties"]) : []
}

function isSchema(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
