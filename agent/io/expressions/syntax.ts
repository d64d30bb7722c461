import jsonata from "jsonata"
import { EXPRESSION_COPIES_MAX, EXPRESSION_LENGTH_MAX } from "../../base/limits.ts"

/** A node of JSONata's syntax tree after its own processing: the parts of it that are read here. */
export interface SyntaxNode {
  readonly type: string
  readonly value?: unknown
  readonly position?: number
  readonly steps?: readonly SyntaxNode[]
  readonly expressions?: readonly SyntaxNode[]
  readonly arguments?: readonly SyntaxNode[]
  readonly procedure?: SyntaxNode
  readonly expression?: SyntaxNode
  readonly lhs?: SyntaxNode | readonly (readonly SyntaxNode[])[]
  readonly rhs?: SyntaxNode
  readonly condition?: SyntaxNode
  readonly then?: SyntaxNode
  readonly else?: SyntaxNode
  readonly body?: SyntaxNode
  readonly pattern?: SyntaxNode
  readonly update?: SyntaxNode
  readonly delete?: SyntaxNode
  readonly predicate?: readonly { readonly type: string; readonly expr?: SyntaxNode; readonly value?: string }[]
  readonly stages?: readonly { readonly type: string; readonly expr?: SyntaxNode; readonly value?: string }[]
  readonly terms?: readonly { readonly expression: SyntaxNode }[]
  readonly group?: { readonly lhs: readonly (readonly SyntaxNode[])[] }
  readonly focus?: string
  readonly index?: string
  readonly keepArray?: boolean
  readonly keepSingletonArray?: boolean
  readonly tuple?: boolean
  readonly ancestor?: unknown
  readonly seekingParent?: unknown
}

export type Parsed = { readonly ok: true; readonly root: SyntaxNode } | { readonly ok: false; readonly message: string }

/** Parses an expression; bounded in time by its length and its `?:` and `??`. */
export function parse(source: string): Parsed {
  if (source.length > EXPRESSION_LENGTH_MAX) {
    return { ok: false, message: `is longer than ${EXPRESSION_LENGTH_MAX} characters` }
  }
  // JSONata copies the left side of `?:` and `??` when it parses: nested in each other they double the tree each time.
  // Those in texts are counted too: where a text ends is for the parser to say.
  const defaults = source.match(/\?[?:]/g)?.length ?? 0
  if (2 ** defaults * source.length > EXPRESSION_COPIES_MAX && defaults > 0) {
    return { ok: false, message: `uses ?: and ?? too often (${defaults} times) for its length; use conditions instead` }
  }
  try {
    return { ok: true, root: jsonata(source).ast() as unknown as SyntaxNode }
  } catch (error) {
    return { ok: false, message: describe(error) }
  }
}

/** JSONata throws plain objects. @returns their sentence with the position (0-based, in characters) */
export function describe(error: unknown): string {
  if (error instanceof RangeError && /call stack/i.test(error.message)) return "nests too deeply"
  if (typeof error !== "object" || error === null) return String(error)
  const { message, code, position } = error as { message?: unknown; code?: unknown; position?: unknown }
  const sentence = typeof message === "string" ? message : `failed with ${String(code)}`
  return typeof position === "number" ? `${sentence} (at character ${position})` : sentence
}
