import type { OutputOf } from "../../operations/schemas/table.ts"
import type { JsonObject } from "../../../schema/json.ts"
import { paint, printable, type Terminal } from "../terminal.ts"
import { bytesText, facts, lostFacts, more, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

type View = OutputOf<"service.add">

export const SERVICE_RENDERERS: Renderers = {
  "service.list": ({ items, cursor }: OutputOf<"service.list">, terminal: Terminal) =>
    table(
      terminal,
      ["service", "version", "state", "runs", "events", "tasks"],
      items.map((item) => [
        item.id,
        item.version,
        item.error === null ? item.state : `${item.state}: ${item.error.code}`,
        item.kind,
        item.events.join(", "),
        item.tasks.join(", "),
      ]),
    ) + more(terminal, cursor),
  "service.show": (service: OutputOf<"service.show">, terminal: Terminal) => {
    const settings = Object.entries(service.config).map(([name, value]) => [name, JSON.stringify(value)])
    const values = table(terminal, ["setting", "value"], settings)
    return `${serviceText(service, terminal)}\n${values}${schemasText(service.manifest["config"], terminal)}`
  },
  "service.add": (service: View, terminal: Terminal) => serviceText(service, terminal),
  "service.configure": (service: View, terminal: Terminal) => serviceText(service, terminal),
  "service.remove": () => "removed\n",
  "service.call": ({ execution, status, data }: OutputOf<"service.call">, terminal: Terminal) =>
    facts(terminal, [
      ["execution", execution],
      ["status", status ?? "started"],
      ...(status === undefined ? [] : ([["data", JSON.stringify(data)]] satisfies [string, string][])),
    ]),
  "event.emit": ({ event, duplicate, executions }: OutputOf<"event.emit">, terminal: Terminal) =>
    facts(terminal, [
      ["event", `${event.service}.${event.event}`],
      ["id", event.id ?? "-"],
      ["taken", duplicate ? "seen before: nothing new was started" : timeText(terminal, event.time)],
      ["executions", executions.length === 0 ? "none" : executions.join(", ")],
    ]),
  "event.refused": ({ items, cursor }: OutputOf<"event.refused">, terminal: Terminal) =>
    table(
      terminal,
      ["time", "event", "id", "code", "reason"],
      items.map((item) => [
        timeText(terminal, item.time),
        `${item.service}.${item.event}`,
        item.id ?? "-",
        item.code,
        item.reason,
      ]),
    ) + more(terminal, cursor),
}

function serviceText(service: View, terminal: Terminal): string {
  const failure = service.error === null ? "" : `: ${service.error.message} (${service.error.code})`
  const hint =
    service.state === "needs-configuration"
      ? `\nIt starts once they are right: mesg service configure ${service.id} --config '{…}'\n`
      : ""
  const about = facts(terminal, [
    ["service", `${service.id} ${service.version}`],
    ["name", service.name],
    ["about", service.description],
    ["state", `${service.state}${failure}`],
    ["runs", service.kind],
    ["restarts", String(service.restarts)],
    ["memory", memoryText(service)],
    ...lostFacts(service.lostSecrets, `mesg service configure ${service.id}`),
    ["events", service.events.join(", ")],
    ["tasks", service.tasks.join(", ")],
  ])
  const warnings = service.warnings.map(({ message, remedy }) => {
    const then = remedy === null ? "" : `  → ${printable(remedy)}\n`
    return `\n${paint(terminal, "yellow", "warning")}: ${printable(message)}\n${then}`
  })
  return about + warnings.join("") + hint
}

/** What each setting may be, as the manifest says it. */
function schemasText(settings: unknown, terminal: Terminal): string {
  const entries = Object.entries((settings ?? {}) as Readonly<Record<string, JsonObject>>)
  const blocks = entries.map(([name, { description, secret, required, ...schema }]) => {
    const marks = [...(required === true ? ["required"] : []), ...(secret === true ? ["secret"] : [])]
    const whole = Array.isArray(required) ? { ...schema, required } : schema
    const title = `${name}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`
    const about = typeof description === "string" ? `: ${description}` : ""
    return `\n${printable(title + about)}\n  ${paint(terminal, "dim", printable(JSON.stringify(whole)))}\n`
  })
  return blocks.join("")
}

function memoryText({ kind, memoryBytes }: View): string {
  if (memoryBytes !== null) return bytesText(memoryBytes)
  return kind === "in-process" ? "the agent's" : "-"
}
