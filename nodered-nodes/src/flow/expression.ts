/** What an expression is made of, as far as names can be told from what is not one. */
interface Token {
  readonly kind: "name" | "value" | "mark"
  readonly text: string
  readonly start: number
  readonly end: number
}

// In the order of the alternatives: space and comments, texts, names in backticks, numbers, variables, names, marks.
const NEXT =
  /((?:\s|\/\*[^]*?(?:\*\/|$))+)|("(?:\\[^]|[^"\\])*"?|'(?:\\[^]|[^'\\])*'?)|(`[^`]*`?)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(\$[\w$]*)|([\p{L}_][\p{L}\p{N}_]*)|([^])/uy
const MARK = /^[^\p{L}\p{N}_$"'`]$/u
// Behind these a `/` begins a regular expression, as agent/core/workflow/template.ts has it.
const OPERATORS = "([{,;:=?<>!&|~+-/^.@#"
const OPERATOR_NAMES = ["and", "or", "in"]

/** Takes an expression apart, up to its end or to the `}}` behind it. @returns where it ends, -1 where no `}}` comes */
function scan(source: string, from: number, isTemplate: boolean, each: (token: Token) => void): number {
  let depth = 0
  let operand = false
  let start = from
  while (start < source.length) {
    if (isTemplate && depth === 0 && source.startsWith("}}", start)) return start
    NEXT.lastIndex = start
    const [text, space, , quoted, , , name] = NEXT.exec(source)!
    const isPattern: boolean = text === "/" && !operand
    const end = isPattern ? endOfPattern(source, start) : start + text.length
    if (space === undefined) {
      const kind: Token["kind"] =
        quoted !== undefined || name !== undefined ? "name" : MARK.test(text) && !isPattern ? "mark" : "value"
      if (text === "{") depth++
      if (text === "}") depth--
      operand = !OPERATORS.includes(text)
      each({ kind, text: source.slice(start, end), start, end })
    }
    start = end
  }
  return isTemplate ? -1 : source.length
}

/** A `/` inside of brackets does not end a regular expression, as JSONata reads it. */
function endOfPattern(source: string, start: number): number {
  let depth = 0
  for (let at = start + 1; at < source.length; at++) {
    const char = source[at]!
    if (char === "\\") at++
    else if (char === "/" && depth === 0) return at + 1
    else if ("([{".includes(char)) depth++
    else if (")]}".includes(char)) depth--
  }
  return source.length
}

/**
 * @returns the expression of a text that is one `{{ }}` and nothing else, written with one space inside of the braces;
 * null for any other text
 */
export function wholeExpression(text: string): string | null {
  if (!text.startsWith("{{ ") || !text.endsWith(" }}") || text.length < 7) return null
  const inner = text.slice(3, -3)
  if (inner.trim() !== inner) return null
  return scan(text, 2, true, () => {}) === text.length - 2 ? inner : null
}

/** New names of tasks, by what an expression calls them. */
export type TaskNames = ReadonlyMap<string, string>

/** @returns the expression with `tasks.<name>` renamed; in filters and steps, where names are those of an item, left alone */
export function renamedExpression(source: string, names: TaskNames): string {
  return names.size === 0 ? source : rename(source, 0, false, names).text
}

/** @returns the text with the tasks renamed in each of its `{{ }}` */
export function renamedTemplate(text: string, names: TaskNames): string {
  if (names.size === 0) return text
  let done = ""
  let at = 0
  for (let open = text.indexOf("{{"); open >= 0; open = text.indexOf("{{", at)) {
    const inner = rename(text, open + 2, true, names)
    done += `${text.slice(at, open + 2)}${inner.text}`
    at = inner.end
    if (at >= text.length) break
  }
  return done + text.slice(at)
}

function rename(source: string, from: number, isTemplate: boolean, names: TaskNames): { text: string; end: number } {
  let done = ""
  let copied = from
  const before: string[] = []
  // Per open bracket, whether names in it are those of an item.
  const relative: boolean[] = []
  const end = scan(source, from, isTemplate, ({ kind, text, start, end: behind }) => {
    const last = before.at(-1)
    if (kind === "mark" && "([{".includes(text)) {
      relative.push(relative.at(-1) === true || (text === "[" ? isValue(last) : last === "."))
    } else if (kind === "mark" && ")]}".includes(text)) relative.pop()
    else if (kind === "name" && last === "." && before.at(-2) === "tasks") {
      const atRoot = before.at(-3) === "." ? before.at(-4) === "$$" : relative.at(-1) !== true
      const name = names.get(text.replaceAll("`", ""))
      if (atRoot && name !== undefined) {
        done += source.slice(copied, start) + name
        copied = behind
      }
    }
    before.push(text)
    if (before.length > 4) before.shift()
  })
  const stop = end < 0 ? source.length : end
  return { text: done + source.slice(copied, stop), end: stop }
}

/** Whether a `[` behind it filters; any other one makes an array. */
function isValue(text: string | undefined): boolean {
  return text !== undefined && /[\p{L}\p{N}_$"'`)\]}]$/u.test(text) && !OPERATOR_NAMES.includes(text)
}
