import { argumentWords, COMMANDS, NOUNS, summaryOf, type AnyCommand } from "./cli/command-list.ts"
import { OPERATIONS, type TypedOperation } from "./operations/table.ts"

/** docs/reference/api.md, from the table of operations. @param generated the line that says who writes the file */
export function apiReference(generated: string): string {
  const areas = Map.groupBy(OPERATIONS, ({ id }) => id.split(".", 1)[0]!)
  return `# HTTP API
${generated}

JSON over HTTP. \`GET /api/v1/openapi.json\` says what each route takes and gives, as OpenAPI 3.1.

Every request carries \`Authorization: Bearer <token>\`: \`mesg token create\` makes one, and \`run/token\` of the home has
every right until the agent stops. Scopes: \`read\` < \`operate\` < \`deploy\` < \`admin\`; a token of scope \`service\` may
send the events of its own services, one of scope \`device\` is for MQTT alone. Without a token only \`/\` (what this is),
\`/healthz\`, \`/hooks/<path>\` (the service checks its own secret) and, where \`http.metrics\` is set, \`/metrics\` on loopback answer.

Errors are problem details (RFC 9457) with a stable \`code\`, listed in [errors.md](errors.md), and a \`remedy\`. Lists are
\`{"items": […], "cursor": …}\`: send the cursor back as \`?cursor=\` for what follows; \`?limit=\` is at most 1000.
Times are ISO 8601. \`429\` says in \`Retry-After\` when to come back.

An \`Idempotency-Key\` makes a repeat harmless: the same request with the same key is done once in 24 hours. For events it
makes the event's id where none is given. A key or an event id that comes back with another request or other data is
refused (\`IDEMPOTENCY_KEY_REUSED\`, 409), and so is a key where no answer is kept (\`IDEMPOTENCY_UNSUPPORTED\`).

${[...areas].map(([area, operations]) => areaSection(area, operations)).join("\n")}
## The stream

\`GET /api/v1/stream?kinds=event,refused,execution,service,application,log&service=&app=&execution=\` sends server-sent events named
after their kind. Each has an id except log lines, and the stream begins with one; a connection that sends it back as \`Last-Event-ID\` gets what it missed.
An \`application\` comes when it is deployed, paused, resumed or removed, as it is in the list, and with \`removed\`.
\`reset\` says that this is no longer held, or that the agent was started again: read the lists once more. \`dropped\`
counts log lines that came faster than they were read.
`
}

function areaSection(area: string, operations: readonly TypedOperation[]): string {
  const rows = operations.map((operation) => {
    const { alternative } = operation
    const status = alternative === undefined ? `${operation.status}` : `${operation.status} (${alternative.status})`
    const commands = operation.commands.map(({ name }) => `\`mesg ${name}\``).join(", ")
    return [`\`${operation.method} ${operation.path}\``, operation.summary, operation.scope, status, commands]
  })
  return `## ${area}\n\n${table(["route", "what it does", "scope", "answers", "command"], rows)}`
}

/** docs/reference/cli.md, from the table of commands. */
export function cliReference(generated: string): string {
  const nouns = Map.groupBy(COMMANDS, ({ command }) =>
    command.name.includes(" ") ? command.name.split(" ", 1)[0]! : "",
  )
  return `# Command line
${generated}

\`mesg <noun> <verb>\`. Every command takes \`--json\` (one JSON value; streams print one per line), \`--home DIR\` and
\`--help\`. Exit codes: 0 ok, 1 failed, 2 usage, 3 no agent running, 4 not allowed. \`MESG_URL\` and \`MESG_TOKEN\` name
another agent than the one of the home. \`NO_COLOR\` is respected.

What was waited for and did not come to a good end is a failure too: \`service call --wait\` whose task ended in \`error\`,
\`timed-out\` or \`cancelled\` (a status that the task declares is an answer, and 0; so is a task that still runs when the
time is over), \`execution watch\` of an execution that did not complete, \`service add\` and \`service configure\` where the
service then does not start, \`doctor\` where something is wrong.

Options of kind JSON take JSON text, \`@FILE\`, or \`-\` for standard input.

${[...nouns].map(([noun, entries]) => nounSection(noun, entries)).join("\n")}`
}

function nounSection(noun: string, entries: readonly AnyCommand[]): string {
  const title = noun === "" ? "The agent" : (NOUNS[noun] ?? noun)
  return `## ${title}\n\n${entries.map(commandSection).join("\n")}`
}

function commandSection(entry: AnyCommand): string {
  const { command } = entry
  const lines = [
    `### \`${["mesg", command.name, ...argumentWords(command)].join(" ")}\``,
    "",
    `${summaryOf(entry)}.`,
    "",
  ]
  for (const argument of command.arguments ?? []) lines.push(`- \`${argument.name}\`: ${argument.summary}`)
  for (const option of command.options ?? []) {
    const choices = option.choices === undefined ? "" : ` (${option.choices.join(", ")})`
    lines.push(`- \`${option.flags}\`${option.required ? " (required)" : ""}: ${option.summary}${choices}`)
  }
  if (lines.at(-1) !== "") lines.push("")
  if (command.example !== undefined) lines.push("```sh", command.example, "```", "")
  return lines.join("\n")
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("")
}
