import type { Json } from "../../schema/json.ts"

/** A string of `with`: text and `{{ expressions }}` in turn. */
export type TemplatePart = { readonly text: string } | { readonly expression: string }

/**
 * Splits a string at its `{{ }}`. Braces and quotes inside an expression are minded, so that JSONata objects may nest.
 * @returns null where a `{{` is never closed
 */
export function templateParts(source: string): readonly TemplatePart[] | null {
  const parts: TemplatePart[] = []
  let at = 0
  while (at < source.length) {
    const open = source.indexOf("{{", at)
    if (open < 0) {
      parts.push({ text: source.slice(at) })
      break
    }
    if (open > at) parts.push({ text: source.slice(at, open) })
    const close = closingBraces(source, open + 2)
    if (close < 0) return null
    parts.push({ expression: source.slice(open + 2, close).trim() })
    at = close + 2
  }
  return parts
}

/** @returns where the `}}` that ends the expression begins, -1 if nowhere */
function closingBraces(source: string, from: number): number {
  let depth = 0
  // Whether a value has just ended: a `/` behind it divides, any other one begins a regular expression.
  let operand = false
  for (let i = from; i < source.length; i++) {
    const char = source[i]!
    if (char === "}" && depth === 0 && source[i + 1] === "}") return i
    if (/\s/.test(char)) continue
    if (char === "/" && source[i + 1] === "*") {
      const end = source.indexOf("*/", i + 2)
      if (end < 0) return -1
      i = end + 1
      continue
    }
    if (char === '"' || char === "'" || char === "`") i = endOfQuote(source, i)
    else if (char === "/" && !operand) i = endOfRegularExpression(source, i)
    else if (char === "{") depth++
    else if (char === "}") depth--
    operand = !OPERATORS.includes(char)
  }
  return -1
}

/** Behind these JSONata expects a value. `*` and `%` are values too, where nobody divides by a regular expression. */
const OPERATORS = "([{,;:=?<>!&|~+-/^.@#"

/** @returns the index of the closing quote, or past the end */
function endOfQuote(source: string, from: number): number {
  for (let i = from + 1; i < source.length; i++) {
    if (source[i] === "\\" && source[from] !== "`") i++
    else if (source[i] === source[from]) return i
  }
  return source.length
}

/** As JSONata reads it: a `/` inside of brackets does not end it. @returns the index of its closing `/`, or past the end */
function endOfRegularExpression(source: string, from: number): number {
  let depth = 0
  for (let i = from + 1; i < source.length; i++) {
    const char = source[i]!
    if (char === "\\") i++
    else if (char === "/" && depth === 0) return i
    else if ("([{".includes(char)) depth++
    else if (")]}".includes(char)) depth--
  }
  return source.length
}

/** One expression inside a `with`; `path` is a JSON pointer to the string that holds it. */
export interface TemplateExpression {
  readonly path: string
  readonly source: string | null
}

/** @returns all expressions of a JSON value, in document order; `source` is null where a `{{` is never closed */
export function templateExpressions(value: Json, path = ""): TemplateExpression[] {
  if (typeof value === "string") {
    const parts = templateParts(value)
    if (parts === null) return [{ path, source: null }]
    return parts.flatMap((part) => ("expression" in part ? [{ path, source: part.expression }] : []))
  }
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    templateExpressions(inner as Json, `${path}/${pointerToken(key)}`),
  )
}

/** One level of a JSON pointer. RFC 6901, section 3. */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1")
}
