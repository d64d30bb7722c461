import { suggest } from "../../base/suggest.ts"
import type { SyntaxNode } from "./syntax.ts"

/** What an expression may name at its root. See docs/spec/application.md#expressions. */
export const SCOPE_NAMES = ["trigger", "tasks", "config", "event", "data"]

// An expression gives the same value each time it is replayed over the same input; $eval would hide what it names.
const REFUSED_FUNCTIONS: Record<string, string> = {
  random: "$random is refused: an expression gives the same value for the same input",
  shuffle: "$shuffle is refused: an expression gives the same value for the same input",
  eval: "$eval is refused: an expression shows what it names",
}

/** The functions of JSONata 2.2 that are left. */
export const FUNCTIONS = (
  "sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad " +
  "match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs " +
  "sqrt power boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error " +
  "assert type sort distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl " +
  "toMillis fromMillis clone now millis"
).split(" ")

/**
 * What the expression may not do although it parses.
 * @returns null, or the reason with its position
 */
export function refusal(root: SyntaxNode): string | null {
  const known = new Set(["", "$", ...FUNCTIONS])
  visit(root, true, (node) => {
    for (const name of boundBy(node)) known.add(name)
  })
  let reason: string | null = null
  visit(root, true, (node, atRoot) => {
    reason ??= reasonAgainst(node, atRoot, known)
  })
  return reason
}

function boundBy(node: SyntaxNode): string[] {
  const names: string[] = []
  if (node.type === "lambda") for (const argument of node.arguments ?? []) names.push(String(argument.value))
  if (node.type === "bind") names.push(String((node.lhs as SyntaxNode).value))
  if (node.focus !== undefined) names.push(node.focus)
  if (node.index !== undefined) names.push(node.index)
  for (const stage of node.stages ?? [])
    if (stage.type === "index" && stage.value !== undefined) names.push(stage.value)
  return names
}

function reasonAgainst(node: SyntaxNode, atRoot: boolean, known: ReadonlySet<string>): string | null {
  const name = String(node.value)
  if (node.type === "variable") {
    if (known.has(name)) return null
    const refused = Object.hasOwn(REFUSED_FUNCTIONS, name)
      ? REFUSED_FUNCTIONS[name]
      : `$${name} is not known${nearVariable(name, known)}`
    return `${refused}${at(node)}`
  }
  if (node.type !== "name" || !atRoot || SCOPE_NAMES.includes(name)) return null
  const near = suggest(name, SCOPE_NAMES)
  const hint = FUNCTIONS.includes(name) ? `; the function is $${name}` : near === null ? "" : `; did you mean ${near}?`
  return `\`${name}\` is none of ${SCOPE_NAMES.join(", ")}${hint}${at(node)}`
}

function nearVariable(name: string, known: ReadonlySet<string>): string {
  const near = suggest(name, known)
  return near === null || near === "" || near === "$" ? "" : `; did you mean $${near}?`
}

function at(node: SyntaxNode): string {
  return node.position === undefined ? "" : ` (at character ${node.position})`
}

/** Walks every node once. `atRoot`: its context is the whole scope, so that names in it are names of the scope. */
export function visit(node: SyntaxNode, atRoot: boolean, see: (node: SyntaxNode, atRoot: boolean) => void): void {
  see(node, atRoot)
  visitSteps(node, atRoot, see)
  const same = [node.procedure, node.expression, node.rhs, node.condition, node.then, node.else, node.body]
  if (node.type === "transform") {
    for (const part of [node.pattern, node.update, node.delete]) if (part) visit(part, false, see)
  }
  const pairs = Array.isArray(node.lhs) ? (node.lhs as readonly (readonly SyntaxNode[])[]).flat() : []
  // What a lambda declares and what `:=` binds are no uses.
  const left = Array.isArray(node.lhs) || node.type === "bind" ? [] : [node.lhs as SyntaxNode | undefined]
  const args = node.type === "lambda" ? [] : (node.arguments ?? [])
  for (const part of [...same, ...left, ...pairs, ...args, ...(node.expressions ?? [])]) {
    if (part !== undefined && part.type !== "operator") visit(part, atRoot, see)
  }
  const inside = [...(node.predicate ?? []), ...(node.stages ?? [])].map((stage) => stage.expr)
  const sorted = (node.terms ?? []).map((term) => term.expression)
  for (const part of [...inside, ...sorted, ...(node.group?.lhs.flat() ?? [])]) if (part) visit(part, false, see)
}

function visitSteps(path: SyntaxNode, atRoot: boolean, see: (node: SyntaxNode, atRoot: boolean) => void): void {
  let inRoot = atRoot
  for (const step of path.steps ?? []) {
    visit(step, inRoot, see)
    // `$$` is the scope everywhere; `$` is it where the context is.
    inRoot = step.type === "variable" && (step.value === "$" || (step.value === "" && inRoot))
  }
}
