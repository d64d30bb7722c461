import { relative } from "node:path"
import { CALLED } from "../../../base/ids.ts"
import type { Refusal, Warning } from "../../../schema/application.ts"
import type { OutputOf } from "../../operations/schemas/table.ts"
import { callAgent } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { readDocument, type SourceFile } from "../document.ts"
import { CliError, EXIT } from "../error.ts"
import { applicationText } from "../render/application.ts"
import { paint, printable, type Terminal } from "../terminal.ts"
import { requestOf, usage, valueOf } from "../values.ts"

interface Verdict {
  readonly ok: boolean
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly (Warning & { readonly file?: string; readonly line?: number })[]
}

/** `app validate FILE` and `app deploy FILE`: the agent judges, this says where in the file. */
export async function runApplication(context: RunnerContext): Promise<number> {
  const { chosen, terminal } = context
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const files = [...chosen.typed].map(([target, text]) => (text === undefined ? null : String(valueOf(target, text))))
  const read = readDocument(files[0]!)
  if (!read.ok) {
    const refusals = read.refusals.map(({ line, message }) => syntaxRefusal(files[0]!, line, message))
    return showVerdict({ ok: false, refusals, warnings: [] }, chosen.json, terminal)
  }
  const config = files[1] == null ? {} : configOf(files[1])
  const body = { application: read.source.value, config }
  return chosen.entry.operation.id === "application.validate"
    ? validate(context, read.source, body)
    : deploy(context, read.source, body)
}

/** `app export NAME`: the document as a person would write it. */
export async function runExport({ chosen, terminal, endpoint }: RunnerContext): Promise<number> {
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const answer = await callAgent(endpoint(), requestOf(chosen.entry.operation, chosen.typed, {}))
  const { document } = answer.body as OutputOf<"application.show">
  const { stringify } = await import("yaml")
  terminal.out(chosen.json ? `${JSON.stringify(document)}\n` : stringify(document, { lineWidth: 120 }))
  return EXIT.ok
}

async function validate(context: RunnerContext, source: SourceFile, body: object): Promise<number> {
  const { chosen, terminal, endpoint } = context
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const answer = await callAgent(endpoint(), { ...requestOf(operation, new Map(), {}), body })
  return showVerdict(placed(answer.body as Verdict, source), chosen.json, terminal)
}

async function deploy(context: RunnerContext, source: SourceFile, body: object): Promise<number> {
  const { chosen, terminal, endpoint } = context
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const name = (source.value as { name?: unknown } | null)?.name
  // Without a usable name there is no address to put it to; any will do to be told the rule.
  const path = `/api/v1/applications/${encodeURIComponent(isName(name) ? name : "unnamed")}`
  let answer: OutputOf<"application.deploy">
  try {
    const request = isName(name)
      ? { method: operation.method, path }
      : { method: "POST", path: "/api/v1/applications:validate" }
    answer = (await callAgent(endpoint(), { ...request, headers: {}, body })).body as typeof answer
  } catch (error) {
    const refusals = refusalsOf(error)
    if (refusals === null) throw error
    return showVerdict(placed({ ok: false, refusals, warnings: [] }, source), chosen.json, terminal)
  }
  if (!isName(name)) return showVerdict(placed(answer as unknown as Verdict, source), chosen.json, terminal)
  if (chosen.json) terminal.out(`${JSON.stringify(answer)}\n`)
  else {
    terminal.out(applicationText(answer, terminal))
    terminal.out(warningsText(placed({ ok: true, refusals: [], warnings: answer.warnings }, source), terminal))
  }
  return EXIT.ok
}

function isName(name: unknown): name is string {
  return typeof name === "string" && /^[a-z][a-z0-9-]{0,62}$/.test(name) && name !== CALLED
}

function refusalsOf(error: unknown): readonly Refusal[] | null {
  if (!(error instanceof CliError) || error.code !== "APPLICATION_REFUSED") return null
  const { problem } = error.detail as { problem?: { refusals?: unknown } }
  return Array.isArray(problem?.refusals) ? (problem.refusals as Refusal[]) : null
}

function placed(verdict: Verdict, source: SourceFile): Verdict {
  const place = <Item extends { path: string }>(item: Item) => {
    return { ...item, file: source.file, line: source.lineOf(item.path) }
  }
  return { ok: verdict.ok, refusals: verdict.refusals.map(place), warnings: verdict.warnings.map(place) }
}

function syntaxRefusal(file: string, line: number, message: string): Refusal {
  return { rule: "SCHEMA", path: "", message, remedy: "correct the YAML or JSON", file, line }
}

function showVerdict(verdict: Verdict, json: boolean, terminal: Terminal): number {
  if (json) terminal.out(`${JSON.stringify(verdict)}\n`)
  else if (verdict.ok) {
    terminal.out(`${paint(terminal, "green", "ok")}: it keeps every rule\n${warningsText(verdict, terminal)}`)
  } else terminal.err(verdict.refusals.map((refusal) => refusalText(refusal, terminal)).join(""))
  return verdict.ok ? EXIT.ok : EXIT.failed
}

/** File, line, rule, remedy: in the form that editors make a link of. */
function refusalText({ file, line, rule, message, remedy }: Refusal, terminal: Terminal): string {
  const place = `${fileText(file)}:${line ?? 1}`
  return `${paint(terminal, "bold", place)}: ${paint(terminal, "red", rule)}: ${printable(message)}\n  ${printable(remedy)}\n`
}

function warningsText({ warnings }: Verdict, terminal: Terminal): string {
  return warnings
    .map(({ file, line, message }) => {
      return `${fileText(file)}:${line ?? 1}: ${paint(terminal, "yellow", "warning")}: ${printable(message)}\n`
    })
    .join("")
}

function fileText(file: string | undefined): string {
  if (file === undefined) return ""
  const near = relative(process.cwd(), file)
  return near.startsWith("..") ? file : near
}

function configOf(file: string): unknown {
  const read = readDocument(file)
  if (read.ok) return read.source.value ?? {}
  const [first] = read.refusals
  throw usage(`${fileText(file)}:${first?.line}: ${first?.message}`)
}
