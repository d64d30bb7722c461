import type { ExpressionScope } from "../../ports/expressions.ts"
import { EXPRESSION_TEXT_LENGTH_MAX } from "../../base/limits.ts"
import type { Json } from "../../schema/json.ts"
import type { SyntaxNode } from "./syntax.ts"

/** The fast path does not know the answer: JSONata has to say. */
export const UNDECIDED: unique symbol = Symbol("undecided")
type Value = Json | undefined
type Outcome = Value | typeof UNDECIDED
/** Answers exactly what JSONata would, or UNDECIDED. */
export type FastPath = (scope: ExpressionScope) => Outcome

/**
 * Compiles the plain part of JSONata to closures that answer at once: paths, literals, comparisons, and / or / $not,
 * arithmetic, concatenation, conditions. Arrays met on the way, objects as operands, type errors and results that are
 * no JSON (1/0) are left to JSONata, so that its rules for them stand in one place.
 * @returns null where the expression uses anything else
 */
export function compileFastPath(node: SyntaxNode): FastPath | null {
  if (isDecorated(node)) return null
  switch (node.type) {
    case "string":
    case "number":
    case "value":
      return literal(node.value as Json)
    case "path":
      return path(node)
    case "block":
      return node.expressions?.length === 1 ? compileFastPath(node.expressions[0]!) : null
    case "binary":
      return binary(node)
    case "unary":
      return node.value === "-" ? negation(node) : null
    case "condition":
      return condition(node)
    case "function":
      return not(node)
    default:
      return null
  }
}

/** Predicates, grouping, variables bound on the way and `[]` are JSONata's own business. */
function isDecorated(node: SyntaxNode): boolean {
  return (
    node.predicate !== undefined ||
    node.stages !== undefined ||
    node.group !== undefined ||
    node.keepArray === true ||
    node.keepSingletonArray === true ||
    node.tuple === true ||
    node.focus !== undefined ||
    node.index !== undefined ||
    node.ancestor !== undefined ||
    node.seekingParent !== undefined
  )
}

function literal(value: Json): FastPath {
  return () => value
}

function path(node: SyntaxNode): FastPath | null {
  const steps = node.steps ?? []
  if (!steps.every((step) => step.type === "name" && !isDecorated(step))) return null
  const names = steps.map((step) => String(step.value))
  return (scope) => {
    let value: unknown = scope
    for (const name of names) {
      if (typeof value !== "object" || value === null) return undefined
      // JSONata maps over arrays, and takes objects with its own marks for functions.
      if (Array.isArray(value) || isMarked(value)) return UNDECIDED
      if (!Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    return value as Value
  }
}

function isMarked(value: object): boolean {
  return "_jsonata_lambda" in value || "_jsonata_function" in value
}

function binary(node: SyntaxNode): FastPath | null {
  const left = compileFastPath(node.lhs as SyntaxNode)
  const right = compileFastPath(node.rhs!)
  if (left === null || right === null) return null
  const operator = String(node.value)
  if (operator === "and" || operator === "or") return junction(operator, left, right)
  const combine = OPERATORS[operator]
  if (combine === undefined) return null
  return (scope) => {
    const a = left(scope)
    if (a === UNDECIDED) return UNDECIDED
    const b = right(scope)
    return b === UNDECIDED ? UNDECIDED : combine(a, b)
  }
}

function junction(operator: "and" | "or", left: FastPath, right: FastPath): FastPath {
  return (scope) => {
    const a = truth(left(scope))
    if (a === UNDECIDED || a === (operator === "or")) return a
    return truth(right(scope))
  }
}

/** JSONata's boolean cast, undefined being false. */
function truth(value: Outcome): boolean | typeof UNDECIDED {
  if (value === UNDECIDED || isStructure(value)) return UNDECIDED
  return Boolean(value)
}

function isStructure(value: Outcome): boolean {
  return typeof value === "object" && value !== null
}

const OPERATORS: Record<string, (a: Value, b: Value) => Outcome> = {
  "=": (a, b) => (isStructure(a) || isStructure(b) ? UNDECIDED : a !== undefined && a === b),
  "!=": (a, b) => {
    if (isStructure(a) || isStructure(b)) return UNDECIDED
    return a !== undefined && b !== undefined && a !== b
  },
  "<": (a, b) => compare(a, b, (order) => order < 0),
  "<=": (a, b) => compare(a, b, (order) => order <= 0),
  ">": (a, b) => compare(a, b, (order) => order > 0),
  ">=": (a, b) => compare(a, b, (order) => order >= 0),
  "+": (a, b) => calculate(a, b, (x, y) => x + y),
  "-": (a, b) => calculate(a, b, (x, y) => x - y),
  "*": (a, b) => calculate(a, b, (x, y) => x * y),
  "/": (a, b) => calculate(a, b, (x, y) => x / y),
  "%": (a, b) => calculate(a, b, (x, y) => x % y),
  "&": (a, b) => {
    const left = text(a)
    const right = text(b)
    if (left === UNDECIDED || right === UNDECIDED) return UNDECIDED
    return left.length + right.length > EXPRESSION_TEXT_LENGTH_MAX ? UNDECIDED : left + right
  },
}

function compare(a: Value, b: Value, holds: (order: number) => boolean): Outcome {
  if (!isComparable(a) || !isComparable(b)) return UNDECIDED
  if (a === undefined || b === undefined) return undefined
  if (typeof a !== typeof b) return UNDECIDED
  return holds(a < b ? -1 : a > b ? 1 : 0)
}

function isComparable(value: Value): value is string | number | undefined {
  return value === undefined || typeof value === "string" || typeof value === "number"
}

function calculate(a: Value, b: Value, apply: (x: number, y: number) => number): Outcome {
  if ((a !== undefined && typeof a !== "number") || (b !== undefined && typeof b !== "number")) return UNDECIDED
  return a === undefined || b === undefined ? undefined : finite(apply(a, b))
}

function finite(value: number): Outcome {
  return Number.isFinite(value) ? value : UNDECIDED
}

/** JSONata's `$string` of a scalar; numbers lose what lies past 15 digits. */
function text(value: Value): string | typeof UNDECIDED {
  if (value === undefined) return ""
  if (typeof value === "string") return value
  if (isStructure(value)) return UNDECIDED
  if (typeof value !== "number" || Number.isInteger(value)) return JSON.stringify(value)
  return JSON.stringify(Number(value.toPrecision(15)))
}

function negation(node: SyntaxNode): FastPath | null {
  const operand = compileFastPath(node.expression!)
  if (operand === null) return null
  return (scope) => {
    const value = operand(scope)
    if (value === undefined) return undefined
    return typeof value === "number" ? -value : UNDECIDED
  }
}

function condition(node: SyntaxNode): FastPath | null {
  const test = compileFastPath(node.condition!)
  const then = compileFastPath(node.then!)
  const otherwise = node.else === undefined ? () => undefined : compileFastPath(node.else)
  if (test === null || then === null || otherwise === null) return null
  return (scope) => {
    const holds = truth(test(scope))
    return holds === UNDECIDED ? UNDECIDED : holds ? then(scope) : otherwise(scope)
  }
}

function not(node: SyntaxNode): FastPath | null {
  const { procedure, arguments: args = [] } = node
  if (procedure?.type !== "variable" || procedure.value !== "not" || isDecorated(procedure)) return null
  const operand = args.length === 1 ? compileFastPath(args[0]!) : null
  if (operand === null) return null
  return (scope) => {
    const value = operand(scope)
    if (value === undefined) return undefined
    const holds = truth(value)
    return holds === UNDECIDED ? UNDECIDED : !holds
  }
}
