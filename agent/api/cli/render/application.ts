import type { OutputOf } from "../../operations/schemas/table.ts"
import type { ExecutionView } from "../../../schema/execution.ts"
import type { Terminal } from "../terminal.ts"
import { executionText } from "./execution.ts"
import { facts, more, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

type View = OutputOf<"application.list">["items"][number]

export const APPLICATION_RENDERERS: Renderers = {
  "application.list": ({ items, cursor }: OutputOf<"application.list">, terminal: Terminal) =>
    table(
      terminal,
      ["name", "version", "state", "workflows", "deployed"],
      items.map((item) => [
        item.name,
        String(item.version),
        item.paused ? "paused" : "running",
        item.workflows.map(({ name }) => name).join(", "),
        timeText(terminal, item.deployed),
      ]),
    ) + more(terminal, cursor),
  "application.show": (view: View, terminal: Terminal) => applicationText(view, terminal),
  "application.pause": (view: View, terminal: Terminal) => applicationText(view, terminal),
  "application.resume": (view: View, terminal: Terminal) => applicationText(view, terminal),
  "application.remove": () => "removed\n",
  "application.run": (execution: ExecutionView, terminal: Terminal) => executionText(execution, terminal),
}

/** An application as a person sees it. */
export function applicationText(view: View, terminal: Terminal): string {
  const about = facts(terminal, [
    ["application", view.name],
    ...(view.description === null ? [] : ([["about", view.description]] satisfies [string, string][])),
    ["version", String(view.version)],
    ["state", view.paused ? "paused" : "running"],
    ["visibility", view.visibility],
    ["deployed", timeText(terminal, view.deployed)],
  ])
  const workflows = table(
    terminal,
    ["workflow", "trigger", "tasks"],
    view.workflows.map(({ name, trigger, tasks }) => [name, `${trigger.service}.${trigger.event}`, tasks.join(", ")]),
  )
  return `${about}\n${workflows}`
}
