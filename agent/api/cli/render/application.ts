import type { OutputOf } from "../../operations/schemas/table.ts"
import type { ExecutionView } from "../../../schema/execution.ts"
import type { Terminal } from "../terminal.ts"
import { executionText } from "./execution.ts"
import { facts, lostFacts, more, shortJson, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

type DryRun = NonNullable<OutputOf<"application.dryRun">["run"]>
type View = OutputOf<"application.list">["items"][number]

export const APPLICATION_RENDERERS: Renderers = {
  "application.list": ({ items, cursor }: OutputOf<"application.list">, terminal: Terminal) =>
    table(
      terminal,
      ["name", "version", "state", "workflows", "deployed"],
      items.map((item) => [
        item.name,
        String(item.version),
        stateText(item),
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

/** What would become of an event. */
export function dryRunText(run: DryRun, terminal: Terminal): string {
  const { workflow, trigger, status, branches, tasks } = run
  const about = facts(terminal, [
    ["workflow", workflow],
    ["event", `${trigger.service}.${trigger.event} ${shortJson(trigger.data)}`],
    ["starts", trigger.passes ? "yes" : "no: its `where` is not true of this event"],
    ...(status === null ? [] : ([["ends", status === "waiting" ? "it waits" : status]] satisfies [string, string][])),
  ])
  if (status === null) return about
  const rows = Object.entries(tasks).map(
    ([name, { run: runs, state, status: ended, assumed, waits, inputs, data }]) => {
      const stands = waits !== null && state !== "idle" ? `waits for ${waits.service}.${waits.event}` : (ended ?? state)
      return [
        name,
        runs,
        stands,
        assumed ?? "",
        inputs === null ? "" : shortJson(inputs),
        ended === null ? "" : shortJson(data),
      ]
    },
  )
  const lines = branches.map(({ path, status }) => `${path.join(" → ")}  [${status}]\n`).join("")
  return `${about}\n${table(terminal, ["task", "runs", "ends", "as by", "inputs", "data"], rows)}\n${lines}`
}

function stateText({ paused, missing }: View): string {
  const state = paused ? "paused" : "running"
  return missing.length === 0 ? state : `${state} without ${missing.join(", ")}`
}

/** An application as a person sees it. */
export function applicationText(view: View, terminal: Terminal): string {
  const about = facts(terminal, [
    ["application", view.name],
    ...(view.description === null ? [] : ([["about", view.description]] satisfies [string, string][])),
    ["version", String(view.version)],
    ["state", stateText(view)],
    ["visibility", view.visibility],
    ["deployed", timeText(terminal, view.deployed)],
    ...(view.missing.length === 0
      ? []
      : ([["missing", "bring it back, or deploy a version that does without"]] satisfies [string, string][])),
    ...lostFacts(view.lostSecrets, "mesg app deploy FILE --config SETTINGS.yml"),
  ])
  const workflows = table(
    terminal,
    ["workflow", "trigger", "tasks"],
    view.workflows.map(({ name, trigger, tasks }) => [name, `${trigger.service}.${trigger.event}`, tasks.join(", ")]),
  )
  return `${about}\n${workflows}`
}
