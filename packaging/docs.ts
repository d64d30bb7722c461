// Writes docs/reference/{api,cli,config,errors,limits,metrics}.md from the code; with --check only says what would change.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { apiReference, cliReference } from "../agent/api/reference.ts"
import * as localLimits from "../agent/base/limits.ts"
import * as networkLimits from "../agent/base/network-limits.ts"
import { SETTINGS, type Setting } from "../agent/io/config/settings.ts"
import { type ErrorUse, readSourceFacts, type SourceFacts } from "./source-facts.ts"

const ROOT = dirname(import.meta.dirname)
const GENERATED = "<!-- Written by `node packaging/docs.ts` from the code: change it there. -->"

/** @returns the text of every generated document by its path */
export function references(facts: SourceFacts = readSourceFacts(ROOT)): Map<string, string> {
  return new Map([
    ["docs/reference/api.md", apiReference(GENERATED)],
    ["docs/reference/cli.md", cliReference(GENERATED)],
    ["docs/reference/config.md", configReference()],
    ["docs/reference/errors.md", errorReference(facts)],
    ["docs/reference/limits.md", limitReference()],
    ["docs/reference/metrics.md", metricReference(facts)],
  ])
}

function configReference(): string {
  const rows = SETTINGS.map(({ key, variable, standard, description, ...setting }) => {
    const value = standard === undefined ? (setting.required ? "(required)" : "") : `\`${JSON.stringify(standard)}\``
    return [`\`${key}\``, `\`${variable}\``, kindOf(setting), value, description]
  })
  return `# Configuration
${GENERATED}

Values come from \`config.yml\` in the home folder, over it from environment variables, over them from
\`--set KEY=VALUE\`. Unknown keys and unknown \`MESG_\` variables are errors. In variables and \`--set\`, lists are
separated by commas. \`mesg config show\` tells where each value comes from; \`mesg config set KEY VALUE\` edits the file
and keeps its comments. A change holds from the next start.

${table(["key", "variable", "type", "default", "meaning"], rows)}
The home folder is the first of: \`--home DIR\`; \`MESG_HOME\`; the state directory that systemd gives; the user's
\`~/.local/share/mesg\` if it is there; \`/var/lib/mesg\` if it is there; \`~/.local/share/mesg\`, which is then made.
`
}

function kindOf({ kind, options }: Pick<Setting, "kind" | "options">): string {
  return kind === "choice" ? options.map((option) => `\`${option}\``).join(", ") : kind
}

function errorReference({ declared, used }: SourceFacts): string {
  const codes = [...new Set([...declared, ...used].map(({ code }) => code))].sort()
  const rows = codes.map((code) => {
    const uses = used.filter((use) => use.code === code)
    const classes = [...declared, ...uses].filter((one) => one.code === code).map(({ thrownAs }) => thrownAs)
    const areas = [...new Set(classes.map((name) => (name === null ? "a value" : name)))].sort()
    return [`\`${code}\``, areas.join(", "), distinct(uses, "message"), distinct(uses, "remedy")]
  })
  return `# Error codes
${GENERATED}

Codes are stable: programs compare them, people read the sentence beside them. The same code stands in the \`code\` of
HTTP problem details, of the CLI's \`--json\` errors, of log lines and of the \`error\` status of tasks.
*A value* is no exception: it is how a task ended, or an answer.

${table(["code", "raised as", "says", "what to do"], rows)}`
}

function distinct(uses: readonly ErrorUse[], field: "message" | "remedy"): string {
  const texts = new Set(uses.map((use) => use[field]).filter((text) => text !== null))
  return [...texts].sort().join("<br>")
}

function limitReference(): string {
  const source = ["limits", "network-limits"]
    .map((name) => readFileSync(join(ROOT, `agent/base/${name}.ts`), "utf8"))
    .join("\n")
  const limits: Readonly<Record<string, number>> = { ...localLimits, ...networkLimits }
  const rows: string[][] = []
  let about = ""
  for (const line of source.split("\n")) {
    about = /^\/\*\* (.*?)\.? \*\/$/.exec(line)?.[1] ?? about
    const name = /^export const (\w+)/.exec(line)?.[1]
    if (name === undefined) continue
    rows.push([`\`${name}\``, limits[name]!.toLocaleString("en"), about])
    about = ""
  }
  return `# Limits
${GENERATED}

Everything that can grow has a bound with a name, in \`agent/base/limits.ts\` and
\`agent/base/network-limits.ts\`. Times are in the unit of the name,
sizes in bytes unless it says otherwise. Settings of [config.md](config.md) replace some of them.

${table(["name", "value", "what it bounds, with those below it"], rows)}`
}

function metricReference({ metrics }: SourceFacts): string {
  const byName = new Map(metrics.map((metric) => [metric.name, metric]))
  const rows = [...byName.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, kind, help }) => [`\`${name}\``, kind, help])
  return `# Metrics
${GENERATED}

\`GET /metrics\` gives them in the text format of Prometheus. Beside these there are \`mesg_process_memory_bytes\`,
\`mesg_process_cpu_seconds_total\` and \`mesg_metrics_dropped\`, which counts series that were refused because there
are too many.

${table(["name", "kind", "help"], rows)}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`
  return `${[line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")}\n`
}

if (import.meta.main) {
  const checking = process.argv.includes("--check")
  for (const [path, text] of references()) {
    const file = join(ROOT, path)
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue
    if (!checking) writeFileSync(file, text)
    console.log(`${path} ${checking ? "differs from the code: run node packaging/docs.ts" : "written"}`)
    if (checking) process.exitCode = 1
  }
}
