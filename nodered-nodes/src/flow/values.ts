import type { Json } from "../../../agent/schema/json.ts"
import { environmentValue, withVariable } from "./environment.ts"
import { renamedExpression, renamedTemplate, type TaskNames, wholeExpression } from "./expression.ts"
import type { TypedValue } from "./nodes.ts"
import { isMap, type Raw, textOf } from "./raw.ts"
import type { Scope, Shelf } from "./scopes.ts"

/** What a typed input is read with: where it stands, and what its node follows. */
export interface ValueContext {
  readonly raw: Raw
  readonly scope: Scope
  readonly shelf: Shelf
  /** What `msg.payload` is there: `trigger.data`, `tasks.x.data`; null where several tasks lead to the node. */
  readonly payload: string | null
  readonly renamed: TaskNames
}

/** What a typed input is in an application; `inline`: only a running message can say it; else why it is nothing. */
export type ReadValue =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "inline"; readonly what: string }
  | { readonly kind: "wrong"; readonly message: string; readonly remedy: string }

/** @param stored a TypedValue, of unknown shape */
export function readValue(stored: unknown, context: ValueContext): ReadValue {
  if (!isMap(stored)) return wrong("has no value", "choose a kind and a value")
  const { raw, scope, shelf } = context
  const text = withVariable(textOf(stored, "value"), raw, scope, shelf)
  switch (textOf(stored, "type")) {
    case "str":
      return plain("str", text, context.renamed)
    case "num":
    case "bool":
    case "json":
      return plain(textOf(stored, "type"), text, context.renamed)
    case "jsonata":
      return text.trim() === ""
        ? wrong("is an empty expression", "write an expression or choose another kind")
        : { kind: "value", value: `{{ ${renamedExpression(text, context.renamed)} }}` }
    case "msg":
      return ofMessage(text, context)
    case "env": {
      const variable = environmentValue(textOf(stored, "value"), raw, scope, shelf)
      if (variable === null) return { kind: "inline", what: `the environment variable ${text}` }
      return plain(variable.type, variable.value, NOTHING_RENAMED)
    }
    case "flow":
    case "global":
      return { kind: "inline", what: `${textOf(stored, "type")}.${text}` }
    default:
      return wrong(`is of the unknown kind "${textOf(stored, "type")}"`, "choose a kind")
  }
}

const NOTHING_RENAMED: TaskNames = new Map()

function plain(type: string, text: string, renamed: TaskNames): ReadValue {
  if (type === "str") return { kind: "value", value: renamedTemplate(text, renamed) }
  if (type === "bool") {
    if (text === "true" || text === "false") return { kind: "value", value: text === "true" }
    return wrong(`is "${text}", not true or false`, "choose true or false")
  }
  if (type === "num") {
    const number = Number(text)
    if (text.trim() !== "" && Number.isFinite(number)) return { kind: "value", value: number }
    return wrong(`is "${text}", not a number`, "write a number such as 3 or 0.5")
  }
  try {
    return { kind: "value", value: inTexts(JSON.parse(text) as Json, renamed) }
  } catch (error) {
    return wrong(`is no JSON: ${(error as Error).message}`, "correct the JSON")
  }
}

function inTexts(value: Json, renamed: TaskNames): Json {
  if (renamed.size === 0) return value
  if (typeof value === "string") return renamedTemplate(value, renamed)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => inTexts(item as Json, renamed))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inTexts(inner as Json, renamed)]))
}

function ofMessage(path: string, { payload }: ValueContext): ReadValue {
  const steps = messageSteps(path)
  if (steps === null || steps[0] !== "payload") return { kind: "inline", what: `msg.${path}` }
  if (payload === null) {
    return wrong(
      `is msg.${path}, and several tasks lead here: each has data of its own`,
      "say which one with an expression: tasks.<task>.data",
    )
  }
  return { kind: "value", value: `{{ ${payload}${steps.slice(1).map(jsonataStep).join("")} }}` }
}

const STEP = /\.?([\p{L}_$][\p{L}\p{N}_$]*)|\[(\d+)\]|\["([^"\\\]]+)"\]|\['([^'\\\]]+)'\]/uy

/** @returns the steps of a property of a message, null for one that is none or depends on another property */
function messageSteps(path: string): (string | number)[] | null {
  const steps: (string | number)[] = []
  STEP.lastIndex = 0
  for (let at = 0; at < path.length; at = STEP.lastIndex) {
    const match = STEP.exec(path)
    if (match === null || (at > 0 && match[1] !== undefined && !match[0].startsWith("."))) return null
    const [, name, index, quoted, single] = match
    steps.push(index === undefined ? (name ?? quoted ?? single)! : Number(index))
  }
  return steps
}

function jsonataStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`
  const isPlain = /^[A-Za-z_]\w*$/.test(step) && !["and", "or", "in", "true", "false", "null"].includes(step)
  return isPlain ? `.${step}` : `.\`${step}\``
}

/** @returns the typed input that reads as this value of an application */
export function typedValue(value: Json): TypedValue {
  switch (typeof value) {
    case "string": {
      const expression = wholeExpression(value)
      return expression === null ? { type: "str", value } : { type: "jsonata", value: expression }
    }
    case "number":
      return { type: "num", value: String(value) }
    case "boolean":
      return { type: "bool", value: String(value) }
    default:
      return { type: "json", value: JSON.stringify(value) }
  }
}

function wrong(message: string, remedy: string): ReadValue {
  return { kind: "wrong", message, remedy }
}
