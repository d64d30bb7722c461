import { Composer, CST, type Document, Lexer, LineCounter, Parser } from "yaml"
import { APPLICATION_DEPTH_MAX, YAML_FAULTS_TOLD_MAX } from "../../base/limits.ts"
import type { Place, SyntaxFault, TextFault } from "./document-fault.ts"
import { plainValue } from "./document-value.ts"

interface Read {
  readonly value: unknown
  readonly faults: readonly SyntaxFault[]
  placeOf(pointer: string): Place
}

/** Reads YAML 1.2, of which JSON is a part. Never throws, and never recurses deeper than documents may nest. */
export function readSyntax(text: string): Read {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)))
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const placed = (faults: readonly TextFault[]): SyntaxFault[] => {
    // What stands behind an anchor is read again for each alias.
    const once = [...new Map(faults.map((fault) => [`${fault.offset} ${fault.message}`, fault])).values()]
    const told = once.toSorted((a, b) => a.offset - b.offset).slice(0, YAML_FAULTS_TOLD_MAX)
    return told.map(({ offset, ...fault }) => ({ ...fault, ...placeAt(offset) }))
  }
  const parsed = tokensOf(text, lines)
  if (parsed.fault !== null) {
    return { value: undefined, faults: placed([parsed.fault]), placeOf: () => placeAt(0) }
  }
  const [document, second] = documentsOf(parsed.tokens, text)
  const faults: TextFault[] = []
  if (second !== undefined) {
    const [offset] = second.range
    const message = "a second document begins here; one file is one application"
    faults.push({ rule: "SYNTAX", offset, message, remedy: "put it into a file of its own" })
  }
  if (document === undefined) return { value: null, faults: placed(faults), placeOf: () => placeAt(0) }
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    faults.push({ rule: "SYNTAX", offset: pos[0], message, remedy: REMEDIES[code] ?? "correct the YAML or JSON" })
  }
  if (document.errors.length > 0) return { value: undefined, faults: placed(faults), placeOf: () => placeAt(0) }
  const { value, faults: more, offsetOf } = plainValue(document.contents)
  return { value, faults: placed([...faults, ...more]), placeOf: (pointer) => placeAt(offsetOf(pointer)) }
}

type Parsed =
  | { readonly fault: null; readonly tokens: readonly CST.Token[] }
  | { readonly fault: TextFault; readonly tokens?: undefined }

/** Drives the parser by hand: it and what composes its tokens recurse, so depth is bounded here. */
function tokensOf(text: string, lines: LineCounter): Parsed {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    const depth = parser.stack.length > APPLICATION_DEPTH_MAX ? parser.stack.filter(isCollection).length : 0
    if (depth > APPLICATION_DEPTH_MAX) {
      const message = `nests deeper than ${APPLICATION_DEPTH_MAX} levels`
      return { fault: { rule: "LIMIT", offset: parser.offset - 1, message, remedy: "flatten it" } }
    }
  }
  for (const token of parser.end()) tokens.push(token)
  const directive = tokens.find(({ type }) => type === "directive")
  if (directive === undefined) return { fault: null, tokens }
  const message = "directives (%YAML, %TAG) are not used here"
  return { fault: { rule: "SYNTAX", offset: directive.offset, message, remedy: "remove the line" } }
}

function isCollection({ type }: CST.Token): boolean {
  return type === "block-map" || type === "block-seq" || type === "flow-collection"
}

function documentsOf(tokens: readonly CST.Token[], text: string): Document.Parsed[] {
  // Keys are compared in document-value.ts: here each would be compared with each.
  const composer = new Composer({ uniqueKeys: false, resolveKnownTags: false, merge: false, prettyErrors: false })
  return [...composer.compose(tokens, true, text.length)]
}

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces; YAML takes no tabs there",
  BAD_INDENT: "line it up with what it belongs to",
  TAG_RESOLVE_FAILED: "remove the tag (`!…`); only plain JSON values are used here",
  MISSING_CHAR: "close the quote or bracket, or put the text in quotes",
  UNEXPECTED_TOKEN: "close what is open before it, or put the text in quotes",
  MULTILINE_IMPLICIT_KEY: "put a `:` behind the key, and the text in quotes where it goes over lines",
  BAD_ALIAS: "name an anchor (`&name`) that stands above",
  BAD_DQ_ESCAPE: "write \\\\ for a backslash, or use single quotes",
  BAD_SCALAR_START: "put the text in quotes",
}
