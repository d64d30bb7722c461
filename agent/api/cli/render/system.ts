import type { OutputOf } from "../../operations/schemas/table.ts"
import { paint, printable, type Terminal } from "../terminal.ts"
import { facts, lengthText, more, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

export const SYSTEM_RENDERERS: Renderers = {
  "system.status": (status: OutputOf<"system.status">, terminal: Terminal) => {
    const { addresses, events, executions, alarm } = status
    return facts(terminal, [
      ["agent", `${status.version}, running for ${lengthText(status.uptimeMs)}`],
      ["node", status.node],
      ["mqtt", addresses.mqtt ?? "-"],
      ["http", addresses.http ?? "-"],
      ["peers", addresses.p2p.length === 0 ? "-" : addresses.p2p.join(", ")],
      ["events", `${events.accepted} accepted, ${events.duplicates} duplicates`],
      [
        "executions",
        `${executions.running} running, ${executions.waiting} waiting, ` +
          `${executions.completed} completed, ${executions.failed} failed`,
      ],
      ...(alarm === null ? [] : ([["alarm", `${alarm} (mesg doctor)`]] satisfies [string, string][])),
    ])
  },
  "system.doctor": ({ checks }: OutputOf<"system.doctor">, terminal: Terminal) =>
    checks.map((check) => checkText(check, terminal)).join(""),
  "config.show": ({ items }: OutputOf<"config.show">, terminal: Terminal) =>
    table(
      terminal,
      ["key", "value", "from"],
      items.map((item) => [
        item.key,
        JSON.stringify(item.value),
        item.place === "" ? item.source : `${item.source} (${item.place})`,
      ]),
    ),
  "config.change": ({ values, restart }: OutputOf<"config.change">) => {
    const lines = Object.entries(values).map(([key, value]) => {
      if (value === null) return `${printable(key)}: back to its default\n`
      return `${printable(key)} = ${printable(typeof value === "string" ? value : JSON.stringify(value))}\n`
    })
    return `${lines.join("")}${restart ? "It counts from the next start: mesg stop, mesg start.\n" : ""}`
  },
  "token.list": ({ items, cursor }: OutputOf<"token.list">, terminal: Terminal) =>
    table(
      terminal,
      ["id", "name", "scope", "for", "created"],
      items.map((item) => [
        item.id,
        item.name ?? "-",
        item.scope,
        [...item.services, ...item.topics].join(", ") || "-",
        timeText(terminal, item.created),
      ]),
    ) + more(terminal, cursor),
  "token.create": ({ token, scope, services }: OutputOf<"token.create">, terminal: Terminal) => {
    const password = services.length === 0 ? "" : `It is also the MQTT password of ${services.join(", ")}.\n`
    return `${paint(terminal, "bold", token)}\n\nScope ${scope}. It is shown this once: keep it now.\n${password}`
  },
  "token.revoke": () => "revoked\n",
}

function checkText(check: OutputOf<"system.doctor">["checks"][number], terminal: Terminal): string {
  const sign = check.ok ? paint(terminal, "green", "✔") : paint(terminal, "red", "✘")
  const remedy = check.remedy === null ? "" : `  → ${printable(check.remedy)}\n`
  const standards = check.standards.length === 0 ? "" : paint(terminal, "dim", `  (${check.standards.join(", ")})`)
  return `${sign} ${printable(check.title)}: ${printable(check.detail)}${standards}\n${remedy}`
}
