import { relative } from "node:path"
import { CALLED } from "../../../base/ids.ts"
import type { Refusal, Warning } from "../../../schema/application.ts"
import type { DataIssue } from "../../../schema/data-schema.ts"
import type { OutputOf } from "../../operations/schemas/table.ts"
import { callAgent } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { readDocument, type SourceFile } from "../document.ts"
import { CliError, EXIT } from "../error.ts"
import { applicationText, dryRunText } from "../render/application.ts"
import { paint, printable, type Terminal } from "../terminal.ts"
import { requestOf, valueOf } from "../values.ts"
import { placed, type Verdict } from "../verdict.ts"

/** `app validate FILE`, `app dry-run FILE` and `app deploy FILE`: the agent judges, this says where in the file. */
export async function runApplication(context: RunnerContext): Promise<number> {
  const { chosen, terminal } = context
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const paths = [...chosen.typed].filter(([{ kind }]) => kind === "path")
  const files = paths.map(([target, text]) => (text === undefined ? null : String(valueOf(target, text))))
  const source = readDocument(files[0]!)
  if (source.value === undefined) {
    return showVerdict({ ok: false, refusals: source.refusals, warnings: [] }, chosen.json, terminal)
  }
  const settings = files[1] == null ? null : readDocument(files[1])
  const faults = settings === null ? [] : settingsFaults(settings)
  if (faults.length > 0) return showVerdict({ ok: false, refusals: faults, warnings: [] }, chosen.json, terminal)
  const body = { application: source.value, config: settings?.value ?? {} }
  const { id } = chosen.entry.operation
  // A text that is refused is not deployed, but all that the rules say of it is said too.
  const onlyJudged = id === "application.validate" || source.refusals.length > 0
  const carryOut = onlyJudged ? validate : id === "application.dryRun" ? dryRun : deploy
  try {
    return await carryOut(context, source, body)
  } catch (error) {
    const verdict = verdictOf(error, source, settings)
    if (verdict === null) throw error
    return showVerdict(verdict, chosen.json, terminal)
  }
}

function settingsFaults({ file, value, refusals, placeOf }: SourceFile): readonly Refusal[] {
  if (refusals.length > 0 || value === null || (typeof value === "object" && !Array.isArray(value))) return refusals
  const remedy = "write `name: value` for each setting"
  return [{ rule: "SCHEMA", path: "", message: "settings are a map", remedy, file, ...placeOf("") }]
}

/** `app export NAME`: the document as a person would write it. */
export async function runExport({ chosen, terminal, endpoint }: RunnerContext): Promise<number> {
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const answer = await callAgent(endpoint(), requestOf(chosen.entry.operation, chosen.typed, {}))
  const { document } = answer.body as OutputOf<"application.show">
  const { default: yaml } = await import("yaml")
  terminal.out(chosen.json ? `${JSON.stringify(document)}\n` : yaml.stringify(document, { lineWidth: 120 }))
  return EXIT.ok
}

async function dryRun(context: RunnerContext, source: SourceFile, body: object): Promise<number> {
  const { chosen, terminal, endpoint } = context
  const { operation } = chosen.entry as Extract<typeof chosen.entry, { kind: "agent" }>
  const request = requestOf(operation, chosen.typed, {})
  const answer = await callAgent(endpoint(), { ...request, body: { ...(request.body as object | undefined), ...body } })
  const { run, ...verdict } = answer.body as OutputOf<"application.dryRun">
  if (run === null) return showVerdict(placed(verdict, source), chosen.json, terminal)
  const { warnings } = placed(verdict, source)
  if (chosen.json) terminal.out(`${JSON.stringify({ ...verdict, warnings, run })}\n`)
  else terminal.out(dryRunText(run, terminal) + warningsText({ ...verdict, warnings }, terminal))
  return EXIT.ok
}

async function validate(
  { chosen, terminal, endpoint }: RunnerContext,
  source: SourceFile,
  body: object,
): Promise<number> {
  const request = { method: "POST", path: "/api/v1/applications:validate", headers: {}, body }
  const answer = await callAgent(endpoint(), request)
  return showVerdict(placed(answer.body as Verdict, source), chosen.json, terminal)
}

async function deploy(context: RunnerContext, source: SourceFile, body: object): Promise<number> {
  const { chosen, terminal, endpoint } = context
  const name = (source.value as { name?: unknown } | null)?.name
  // Without a usable name there is no address to put it to.
  if (!isName(name)) return validate(context, source, body)
  const request = { method: "PUT", path: `/api/v1/applications/${encodeURIComponent(name)}`, headers: {}, body }
  const answer = (await callAgent(endpoint(), request)).body as OutputOf<"application.deploy">
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

/** What was refused, at its place in the file that it is about; null where it is about none. */
function verdictOf(error: unknown, source: SourceFile, settings: SourceFile | null): Verdict | null {
  if (!(error instanceof CliError)) return null
  // Without an agent what is wrong with the text can be said all the same.
  if (error.code === "NO_AGENT" && source.refusals.length > 0) {
    return { ok: false, refusals: source.refusals, warnings: [] }
  }
  const { problem } = error.detail as { problem?: { refusals?: unknown; issues?: unknown } }
  if (error.code === "APPLICATION_REFUSED" && Array.isArray(problem?.refusals)) {
    return placed({ ok: false, refusals: problem.refusals as Refusal[], warnings: [] }, source)
  }
  if (error.code !== "APPLICATION_CONFIG_INVALID" || settings === null || !Array.isArray(problem?.issues)) return null
  const remedy = `correct the setting; its schema stands under \`config\` of ${fileText(source.file)}`
  const refusals = (problem.issues as DataIssue[]).map((issue): Refusal => ({ rule: "SCHEMA", ...issue, remedy }))
  return placed({ ok: false, refusals, warnings: [] }, settings)
}

function showVerdict(verdict: Verdict, json: boolean, terminal: Terminal): number {
  if (json) terminal.out(`${JSON.stringify(verdict)}\n`)
  else if (verdict.ok) {
    terminal.out(`${paint(terminal, "green", "ok")}: it keeps every rule\n${warningsText(verdict, terminal)}`)
  } else terminal.err(verdict.refusals.map((refusal) => refusalText(refusal, terminal)).join(""))
  return verdict.ok ? EXIT.ok : EXIT.failed
}

/** File, line, column, rule, remedy: in the form that editors make a link of. */
function refusalText(refusal: Refusal, terminal: Terminal): string {
  const { rule, message, remedy } = refusal
  const place = paint(terminal, "bold", placeText(refusal))
  return `${place}: ${paint(terminal, "red", rule)}: ${printable(message)}\n  ${printable(remedy)}\n`
}

function warningsText({ warnings }: Verdict, terminal: Terminal): string {
  const warning = paint(terminal, "yellow", "warning")
  return warnings.map((one) => `${placeText(one)}: ${warning}: ${printable(one.message)}\n`).join("")
}

function placeText({ file, line = 1, column = 1 }: Refusal | Warning): string {
  return `${fileText(file)}:${line}:${column}`
}

function fileText(file: string | undefined): string {
  if (file === undefined) return ""
  const near = relative(process.cwd(), file)
  return near.startsWith("..") ? file : near
}
