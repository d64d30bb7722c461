import { globSync } from "node:fs"
import { join, relative } from "node:path"
import ts from "typescript"

/** How one error code is said somewhere in the code. */
export interface ErrorUse {
  readonly code: string
  /** The class it is thrown with, or null where it is a value: the end of a task, an answer. */
  readonly thrownAs: string | null
  readonly message: string | null
  readonly remedy: string | null
  readonly file: string
  readonly line: number
}

export interface SourceFacts {
  /** Code and class of every member of a union that a class of errors is declared with. */
  readonly declared: readonly { readonly code: string; readonly thrownAs: string; readonly file: string }[]
  readonly used: readonly ErrorUse[]
  /** Texts of the form of a code that are handed to a function: `refuse("EVENT_TOO_LARGE", …)`. */
  readonly handedOn: readonly string[]
  readonly metrics: readonly { readonly name: string; readonly kind: string; readonly help: string }[]
}

const METRIC_CALLS: Record<string, string> = { count: "counter", gauge: "gauge", observe: "histogram, seconds" }
const CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/

/** Reads the error codes and metrics out of agent/ and plugins/ with TypeScript's own parser. */
export function readSourceFacts(root: string): SourceFacts {
  const files = globSync("{agent,plugins}/**/*.ts", { cwd: root }).map((file) => join(root, file))
  const options = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)).config as {
    compilerOptions: unknown
  }
  const parsed = ts.convertCompilerOptionsFromJson(options.compilerOptions, root)
  const program = ts.createProgram(files, parsed.options)
  const collected: Collected = { declared: [], used: [], handedOn: [], metrics: [] }
  for (const source of program.getSourceFiles()) {
    const file = relative(root, source.fileName)
    if (source.isDeclarationFile || file.startsWith("node_modules") || file.startsWith("..")) continue
    collect(source, { file, source, checker: program.getTypeChecker(), into: collected })
  }
  return collected
}

interface Collected {
  readonly declared: { code: string; thrownAs: string; file: string }[]
  readonly used: ErrorUse[]
  readonly handedOn: string[]
  readonly metrics: { name: string; kind: string; help: string }[]
}
interface Place {
  readonly file: string
  readonly source: ts.SourceFile
  readonly checker: ts.TypeChecker
  readonly into: Collected
}

function collect(node: ts.Node, place: Place): void {
  if (ts.isClassDeclaration(node)) collectDeclared(node, place)
  else if (ts.isNewExpression(node)) collectThrown(node, place)
  else if (ts.isObjectLiteralExpression(node)) collectValue(node, place)
  else if (ts.isCallExpression(node)) {
    collectMetric(node, place)
    collectHandedOn(node, place)
  }
  ts.forEachChild(node, (child) => collect(child, place))
}

function collectDeclared(node: ts.ClassDeclaration, { file, checker, into }: Place): void {
  const base = node.heritageClauses?.find((clause) => clause.token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
  const detail = base?.typeArguments?.[0]
  if (base?.expression.getText() !== "MesgError" || detail === undefined || node.name === undefined) return
  const type = checker.getTypeFromTypeNode(detail)
  for (const member of type.isUnion() ? type.types : [type]) {
    const code = member.getProperty("code")
    if (code === undefined) continue
    const codes = checker.getTypeOfSymbolAtLocation(code, node)
    for (const one of codes.isUnion() ? codes.types : [codes]) {
      if (one.isStringLiteral()) into.declared.push({ code: one.value, thrownAs: node.name.text, file })
    }
  }
}

function collectThrown(node: ts.NewExpression, place: Place): void {
  const [detail, message, options] = node.arguments ?? []
  if (detail === undefined || !ts.isObjectLiteralExpression(detail)) return
  for (const code of codesOf(detail)) {
    const thrownAs = node.expression.getText()
    place.into.used.push({
      ...use(code, node, place),
      thrownAs,
      message: words(message),
      remedy: words(property(options, "remedy")),
    })
  }
}

function collectValue(node: ts.ObjectLiteralExpression, place: Place): void {
  if (ts.isNewExpression(node.parent)) return
  for (const code of codesOf(node))
    place.into.used.push({ ...use(code, node, place), message: words(property(node, "message")) })
}

function use(code: string, node: ts.Node, { file, source }: Place): ErrorUse {
  const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  return { code, thrownAs: null, message: null, remedy: null, file, line }
}

function collectHandedOn(node: ts.CallExpression, { into }: Place): void {
  for (const argument of node.arguments) {
    if (ts.isStringLiteral(argument) && CODE.test(argument.text)) into.handedOn.push(argument.text)
  }
}

function collectMetric(node: ts.CallExpression, { into }: Place): void {
  if (!ts.isPropertyAccessExpression(node.expression)) return
  const kind = METRIC_CALLS[node.expression.name.text]
  const [name, help] = node.arguments
  if (kind === undefined || name === undefined || !ts.isStringLiteral(name) || !name.text.startsWith("mesg_")) return
  into.metrics.push({ name: name.text, kind, help: node.expression.name.text === "gauge" ? (words(help) ?? "") : "" })
}

/** The codes in `{ code: "A" }` and `{ code: x ? "A" : "B" }`. */
function codesOf(node: ts.ObjectLiteralExpression): string[] {
  const value = property(node, "code")
  const found: string[] = []
  const visit = (inner: ts.Node): void => {
    if (ts.isStringLiteral(inner) && CODE.test(inner.text)) found.push(inner.text)
    if (ts.isConditionalExpression(inner)) [inner.whenTrue, inner.whenFalse].forEach(visit)
    if (ts.isAsExpression(inner) || ts.isParenthesizedExpression(inner)) visit(inner.expression)
  }
  if (value !== undefined) visit(value)
  return found
}

function property(node: ts.Node | undefined, name: string): ts.Expression | undefined {
  if (node === undefined || !ts.isObjectLiteralExpression(node)) return undefined
  for (const member of node.properties) {
    if (ts.isPropertyAssignment(member) && member.name.getText() === name) return member.initializer
  }
  return undefined
}

/** The constant words of a text; what varies is an ellipsis. */
function words(node: ts.Expression | undefined): string | null {
  if (node === undefined) return null
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join("")
  if (ts.isConditionalExpression(node)) return words(node.whenTrue) ?? words(node.whenFalse)
  return null
}
