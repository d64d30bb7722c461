import { NODE_TYPES, type TypedValue } from "./nodes.ts"
import { isMap, listOf, type Raw, textOf } from "./raw.ts"
import type { Scope, Shelf } from "./scopes.ts"

/** Variables that refer to one another, and groups in groups, are followed so far; what is beyond is not defined. */
const STEPS_MAX = 64

type Literal = TypedValue & { readonly type: "str" | "num" | "bool" | "json" }

/** The entries that one group, subflow, tab or the whole flow defines; the last of a name counts. */
type Level = readonly unknown[]

/**
 * Looks a variable up as Node-RED does: the node's groups from the inside, then the subflow with its instance before its
 * template, the groups of the instance, what is around it, the tab, and what is defined for all.
 * @returns null where only the process, a credential or an expression could say it
 */
export function variableOf(name: string, raw: Raw, scope: Scope, shelf: Shelf): Literal | null {
  return lookUp(name, levelsOf(raw, scope, shelf), 0, STEPS_MAX)
}

function levelsOf(raw: Raw, scope: Scope, shelf: Shelf): Level[] {
  const levels: Level[] = []
  for (let [node, around]: [Raw, Scope] = [raw, scope]; ; [node, around] = [around.use.instance, around.use.outer]) {
    let group = shelf.byId.get(textOf(node, "g"))
    for (let left = STEPS_MAX; group !== undefined && left > 0; left--) {
      levels.push(listOf(group["env"]))
      group = shelf.byId.get(textOf(group, "g"))
    }
    if (around.use === null) break
    levels.push([...listOf(around.use.template["env"]), ...listOf(around.use.instance["env"])])
  }
  return [...levels, listOf(scope.tab["env"]), shelf.globals.flatMap((node) => listOf(node["env"]))]
}

const PARENT = "$parent."

function lookUp(wanted: string, levels: readonly Level[], from: number, steps: number): Literal | null {
  if (steps === 0) return null
  const isParents = wanted.startsWith(PARENT)
  const name = isParents ? wanted.slice(PARENT.length) : wanted
  for (let at = isParents ? from + 1 : from; at < levels.length; at++) {
    const entry = levels[at]!.findLast((one): one is Raw => isMap(one) && textOf(one, "name") === name)
    if (entry === undefined) continue
    const type = textOf(entry, "type")
    const stored = entry["value"]
    const value = typeof stored === "string" ? stored : JSON.stringify(stored ?? "")
    // What is defined as itself means the one further out.
    if (type === "env") return lookUp(value, levels, value === name ? at + 1 : at, steps - 1)
    if (type === "str" || type === "num" || type === "bool" || type === "json") return { type, value }
    return CONFIG_TYPES.includes(type) ? { type: "str", value } : null
  }
  return null
}

/** A variable may be the choice of a configuration node: its value is the node's id. */
const CONFIG_TYPES: readonly string[] = ["conf-type", NODE_TYPES.agent, NODE_TYPES.settings]

// Node-RED replaces a property that is nothing but `${NAME}` or `$(NAME)`.
const WHOLE_VARIABLE = /^\$(?:\{(\S+)\}|\((\S+)\))$/

/** @returns the text, with a variable in its place where the text is nothing but one that the flow defines */
export function withVariable(text: string, raw: Raw, scope: Scope, shelf: Shelf): string {
  if (!text.startsWith("$")) return text
  const [, braced, bracketed] = WHOLE_VARIABLE.exec(text) ?? []
  const name = braced ?? bracketed
  return name === undefined ? text : (variableOf(name, raw, scope, shelf)?.value ?? text)
}

/**
 * What an input of the type `env` means: the variable of this name, or a text with `${NAME}` in it.
 * @returns null where the flow does not define all of it
 */
export function environmentValue(text: string, raw: Raw, scope: Scope, shelf: Shelf): Literal | null {
  const [, whole] = /^\$\{([^}]+)\}$/.exec(text) ?? []
  if (whole !== undefined || !/\$\{\S+\}/.test(text)) return variableOf(whole ?? text, raw, scope, shelf)
  let isKnown = true
  const value = text.replace(/\$\{([^}]+)\}/g, (_, name: string) => {
    const variable = variableOf(name, raw, scope, shelf)
    isKnown &&= variable !== null
    return variable?.value ?? ""
  })
  return isKnown ? { type: "str", value } : null
}
