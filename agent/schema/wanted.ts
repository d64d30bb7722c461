import type * as v from "valibot"

/**
 * What a rule of a schema asks for, in words that follow "must be": `at most 65535`, `one of debug, info`.
 * @returns null for a rule that says it itself, in its message
 */
export function wantedOf(issue: v.BaseIssue<unknown>): string | null {
  const { type, requirement, expected, message } = issue
  // Messages of our own say more than the kind of the rule.
  if (!message.startsWith("Invalid ")) return null
  switch (type) {
    case "integer":
      return "a whole number"
    case "min_value":
      return `at least ${String(requirement)}`
    case "max_value":
      return `at most ${String(requirement)}`
    case "min_length":
      return typeof issue.input === "string" && requirement === 1 ? "a text that is not empty" : "longer"
    case "max_length":
      return `at most ${String(requirement)} ${typeof issue.input === "string" ? "characters" : "items"}`
    case "iso_timestamp":
      return "a time such as 2026-01-31T12:00:00Z"
    case "picklist":
      return `one of ${(expected ?? "").replaceAll(/[()"]/g, "").replaceAll(" | ", ", ")}`
    case "string":
      return "a text"
    case "number":
      return "a number"
    case "boolean":
      return "true or false"
    case "array":
      return "a list"
    case "object":
    case "strict_object":
    case "record":
      return "an object"
    default:
      return null
  }
}
