import type { ExecutionView, TransitionView } from "../../../schema/execution.ts"
import { paint, printable, type Terminal } from "../terminal.ts"
import { facts, lengthText, more, shortJson, table, timeText } from "./layout.ts"
import type { Renderers } from "./renderer.ts"

type Page<Item> = { items: readonly Item[]; cursor: string | null }

export const EXECUTION_RENDERERS: Renderers = {
  "execution.list": ({ items, cursor }: Page<ExecutionView>, terminal: Terminal) =>
    table(
      terminal,
      ["id", "application", "workflow", "status", "started", "took"],
      items.map((item) => [
        item.id,
        `${item.app} v${item.version}`,
        item.workflow,
        item.status,
        timeText(terminal, item.started),
        tookText(item.started, item.finished),
      ]),
    ) + more(terminal, cursor),
  "execution.show": (execution: ExecutionView & { transitions: readonly TransitionView[] }, terminal: Terminal) =>
    executionText(execution, terminal) + transitionsText(execution.transitions, terminal),
  "execution.cancel": (execution: ExecutionView, terminal: Terminal) => executionText(execution, terminal),
  "execution.retry": (execution: ExecutionView, terminal: Terminal) => executionText(execution, terminal),
}

/** An execution as a person sees it: its facts, then the tree of its branches. */
export function executionText(execution: ExecutionView, terminal: Terminal): string {
  const { trigger } = execution
  const about = facts(terminal, [
    ["execution", execution.id],
    ["application", `${execution.app} v${execution.version}, ${execution.workflow}`],
    ["status", execution.status],
    ["trigger", `${trigger.service}.${trigger.event} ${shortJson(trigger.data)}`],
    ["started", timeText(terminal, execution.started)],
    ...(execution.finished === null
      ? []
      : ([["took", tookText(execution.started, execution.finished)]] satisfies [string, string][])),
    ...(execution.retryOf === null ? [] : ([["retry of", execution.retryOf]] satisfies [string, string][])),
  ])
  return `${about}\n${branchTree(execution, terminal)}`
}

interface Node {
  readonly task: string
  readonly next: Node[]
  /** Of the branch that ends here. */
  status: string | null
  /** Whether the execution came this way: the task may have run by another one. */
  taken: boolean
}

/** Branches that begin alike share their stem. Of those through a task that was come to, one is always taken. */
function branchTree(execution: ExecutionView, terminal: Terminal): string {
  const roots: Node[] = []
  for (const { path, status } of execution.branches) {
    let level = roots
    let last: Node | null = null
    for (const task of path) {
      last = level.find((node) => node.task === task) ?? null
      if (last === null) {
        last = { task, next: [], status: null, taken: false }
        level.push(last)
      }
      last.taken ||= status !== "not-taken"
      level = last.next
    }
    if (last !== null) last.status = status
  }
  return roots.map((root) => nodeText(root, "", "", execution, terminal)).join("")
}

function nodeText(node: Node, lead: string, indent: string, execution: ExecutionView, terminal: Terminal): string {
  const own = `${lead}${taskText(node, execution, terminal)}${branchText(node.status, terminal)}\n`
  const below = node.next.map((child, i) => {
    const last = i === node.next.length - 1
    const branch = `${indent}${last ? "└─ " : "├─ "}`
    return nodeText(child, branch, `${indent}${last ? "   " : "│  "}`, execution, terminal)
  })
  return own + below.join("")
}

const SIGNS: Readonly<Record<string, readonly [sign: string, style: "green" | "red" | "yellow" | "blue" | "dim"]>> = {
  succeeded: ["✔", "green"],
  failed: ["✘", "red"],
  "timed-out": ["✘", "red"],
  cancelled: ["✘", "yellow"],
  idle: ["·", "dim"],
  ready: ["…", "yellow"],
}

function taskText({ task: name, taken }: Node, execution: ExecutionView, terminal: Terminal): string {
  const task = execution.tasks[name]
  if (task === undefined) return printable(name)
  if (!taken) return `${paint(terminal, "dim", "·")} ${printable(name)}`
  const [sign, style] = SIGNS[task.state] ?? ["▶", "blue"]
  const how = task.status ?? (task.state === "idle" ? "" : task.state)
  const took = task.started === null ? "" : `  ${taskTookText(task.started, task.finished, terminal)}`
  const attempts = task.attempts > 1 ? `  ${task.attempts} attempts` : ""
  const data = task.status === null ? "" : `  ${shortJson(task.data)}`
  const rest = paint(terminal, "dim", `${took}${attempts}${printable(data)}`)
  return `${paint(terminal, style, sign)} ${printable(name)}${how === "" ? "" : ` ${paint(terminal, style, how)}`}${rest}`
}

function branchText(status: string | null, terminal: Terminal): string {
  return status === null ? "" : `  ${paint(terminal, "bold", `[${status}]`)}`
}

function transitionsText(transitions: readonly TransitionView[], terminal: Terminal): string {
  const rows = transitions.map(({ seq, time, kind, task, detail }) => {
    return [String(seq), timeText(terminal, time), kind, task ?? "", shortJson(detail)]
  })
  return `\n${table(terminal, ["seq", "time", "what", "task", "detail"], rows)}`
}

function taskTookText(started: string, finished: string | null, terminal: Terminal): string {
  return finished === null ? `for ${lengthText(terminal.now() - Date.parse(started))}` : tookText(started, finished)
}

function tookText(started: string | null, finished: string | null): string {
  return started === null || finished === null ? "" : lengthText(Date.parse(finished) - Date.parse(started))
}
