import type { TypedValue } from "./nodes.ts"
import { idOf, isMap, listOf, type Raw, textOf } from "./raw.ts"
import type { Scope, Shelf } from "./scopes.ts"

/** Groups and variables that refer to one another are followed so far; beyond, a variable counts as not defined. */
const STEPS_MAX = 32

type Literal = TypedValue & { readonly type: "str" | "num" | "bool" | "json" }

/**
 * Looks a variable up as Node-RED does: groups from the inside, then the subflow instance, its template, what is around
 * the instance, the tab, and the global ones.
 * @returns null where only the process, a credential or an expression could say it
 */
export function variableOf(name: string, raw: Raw, scope: Scope, shelf: Shelf, steps = STEPS_MAX): Literal | null {
  if (steps === 0) return null
  let group = shelf.byId.get(textOf(raw, "g"))
  for (let left = STEPS_MAX; group !== undefined && left > 0; left--) {
    const found = entryOf(group, name)
    if (found !== null) return literalOf(found, name, shelf.byId.get(textOf(group, "g")) ?? {}, scope, shelf, steps)
    group = shelf.byId.get(textOf(group, "g"))
  }
  const { use, tab } = scope
  if (use !== null) {
    const found = entryOf(use.instance, name) ?? entryOf(use.template, name)
    if (found !== null) return literalOf(found, name, use.instance, use.outer, shelf, steps)
    return variableOf(name, use.instance, use.outer, shelf, steps - 1)
  }
  for (const holder of [tab, ...shelf.globals]) {
    const found = entryOf(holder, name)
    if (found !== null) return found.type === "env" ? null : literalOf(found, name, {}, scope, shelf, steps)
  }
  return null
}

function entryOf(holder: Raw, name: string): { readonly type: string; readonly value: string } | null {
  for (const entry of listOf(holder["env"])) {
    if (isMap(entry) && textOf(entry, "name") === name) {
      const value = entry["value"]
      return { type: textOf(entry, "type"), value: typeof value === "string" ? value : JSON.stringify(value ?? "") }
    }
  }
  return null
}

function literalOf(
  found: { readonly type: string; readonly value: string },
  name: string,
  raw: Raw,
  scope: Scope,
  shelf: Shelf,
  steps: number,
): Literal | null {
  const { type, value } = found
  if (type === "env") {
    // `X` defined as the environment's `X` means the one further out, never itself.
    return value === name && idOf(raw) === "" ? null : variableOf(value, raw, scope, shelf, steps - 1)
  }
  return type === "str" || type === "num" || type === "bool" || type === "json" ? { type, value } : null
}

// Node-RED replaces a property that is nothing but `${NAME}` or `$(NAME)`.
const WHOLE_VARIABLE = /^\$(?:\{([^\s}]+)\}|\(([^\s)]+)\))$/

/** @returns the text, with a variable in its place where the text is nothing but one that the flow defines */
export function withVariable(text: string, raw: Raw, scope: Scope, shelf: Shelf): string {
  if (!text.startsWith("$")) return text
  const [, braced, bracketed] = WHOLE_VARIABLE.exec(text) ?? []
  const name = braced ?? bracketed
  return name === undefined ? text : (variableOf(name, raw, scope, shelf)?.value ?? text)
}
