import type * as v from "valibot"
import type { RuleCode } from "../../schema/application.ts"
import type { Refuse } from "./refuse.ts"
import { pointerToken } from "./template.ts"

type Issue = v.BaseIssue<unknown>

/** Turns what breaks the application's shape into rules, so that people read the paper's words where one applies. */
export function shapeRefusals(document: unknown, issues: readonly Issue[], refuse: Refuse): void {
  const lists = refuseLists(document, refuse)
  for (const issue of issues) {
    const keys = (issue.path ?? []).map((item) => String(item.key))
    const path = keys.map((key) => `/${pointerToken(key)}`).join("")
    if (lists.some((list) => path === list || path.startsWith(`${list}/`))) continue
    const [rule, message, remedy] = ruleOf(issue, keys)
    refuse(rule, path, message, remedy)
  }
}

function ruleOf(issue: Issue, keys: readonly string[]): [RuleCode, string, string] {
  const last = keys.at(-1)
  const onWorkflow = keys[0] === "workflows"
  const value = issue.path?.at(-1)?.value
  if (onWorkflow && keys.length === 3 && keys[2] === "trigger" && value === undefined) {
    return [
      "R1_FIRST_TASK",
      "a workflow has exactly one trigger: one event of one service",
      "name one `service` and one `event`",
    ]
  }
  if (onWorkflow && keys[2] === "tasks" && keys[4] === "after") {
    return ["R2_STATUS", "a later task follows statuses", "write `after: <task>.<status>` or a list of them"]
  }
  const isKey = issue.path?.at(-1)?.origin === "key"
  if (isKey && issue.type !== "strict_object") {
    return ["NAME", `"${last}" is no name: ${issue.message}`, "rename it"]
  }
  if (issue.type === "strict_object") {
    return [
      "SCHEMA",
      value === undefined && !isKey ? `"${last}" is missing` : `"${last}" is not known here`,
      "see docs/spec/application.md",
    ]
  }
  if (last === "name" && keys.length === 1) return ["NAME", issue.message, "rename the application"]
  return ["SCHEMA", issue.message, "see docs/spec/application.md"]
}

const LOST_NAMES = ["constructor", "prototype", "__proto__"]

/** Names that JavaScript keeps for itself, which the schema's parser therefore leaves out without a word. */
export function refuseLostNames(document: unknown, refuse: Refuse): void {
  const look = (value: unknown, key: string, at: string) => {
    for (const [name] of members(value, key)) {
      if (!LOST_NAMES.includes(name)) continue
      refuse("NAME", `${at}/${key}/${name}`, `"${name}" is no name: it is reserved`, "rename it")
    }
  }
  for (const key of ["config", "workflows", "outputs"]) look(document, key, "")
  for (const [name, workflow] of members(document, "workflows")) {
    look(workflow, "tasks", `/workflows/${pointerToken(name)}`)
  }
}

/** Lists where one event belongs. Paper, Rules 1 and 3. @returns the pointers that were refused */
function refuseLists(document: unknown, refuse: Refuse): string[] {
  const refused: string[] = []
  for (const [name, workflow] of members(document, "workflows")) {
    const at = `/workflows/${pointerToken(name)}`
    if (Array.isArray(member(workflow, "trigger"))) {
      refused.push(`${at}/trigger`)
      refuse("R1_FIRST_TASK", `${at}/trigger`, "the first task is connected to exactly one event", "keep one trigger")
    }
    for (const [task, definition] of members(workflow, "tasks")) {
      const path = `${at}/tasks/${pointerToken(task)}/wait`
      if (!Array.isArray(member(definition, "wait"))) continue
      refused.push(path)
      refuse(
        "R3_ONE_EVENT",
        path,
        "a later task waits for at most one external event",
        "keep one event; wait for the other in a task of its own",
      )
    }
  }
  return refused
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as { [key: string]: unknown })[key]
    : undefined
}

function members(value: unknown, key: string): [string, unknown][] {
  const inner = member(value, key)
  return typeof inner === "object" && inner !== null ? Object.entries(inner) : []
}
