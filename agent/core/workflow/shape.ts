import type * as v from "valibot"
import type { RuleCode } from "../../schema/application.ts"
import type { Refuse } from "./refuse.ts"
import { pointerToken } from "./template.ts"

type Issue = v.BaseIssue<unknown>

/** Turns what breaks the application's shape into rules, so that people read the paper's words where one applies. */
export function shapeRefusals(issues: readonly Issue[], refuse: Refuse): void {
  for (const issue of issues) {
    const keys = (issue.path ?? []).map((item) => String(item.key))
    const path = keys.map((key) => `/${pointerToken(key)}`).join("")
    const [rule, message, remedy] = ruleOf(issue, keys)
    refuse(rule, path, message, remedy)
  }
}

function ruleOf(issue: Issue, keys: readonly string[]): [RuleCode, string, string] {
  const last = keys.at(-1)
  const onWorkflow = keys[0] === "workflows"
  const value = issue.path?.at(-1)?.value
  if (onWorkflow && keys.length >= 3 && keys[2] === "trigger" && (Array.isArray(issue.input) || value === undefined)) {
    if (keys.length === 3) {
      return [
        "R1_FIRST_TASK",
        "a workflow has exactly one trigger: one event of one service",
        "name one `service` and one `event`",
      ]
    }
  }
  if (onWorkflow && keys[2] === "tasks" && keys[4] === "wait" && keys.length === 5 && Array.isArray(issue.input)) {
    return [
      "R3_ONE_EVENT",
      "a later task waits for at most one external event",
      "keep one event; wait for the other in a task of its own",
    ]
  }
  if (onWorkflow && keys[2] === "tasks" && keys[4] === "after") {
    return ["R2_STATUS", "a later task follows statuses", "write `after: <task>.<status>` or a list of them"]
  }
  const isKey = issue.path?.at(-1)?.origin === "key"
  if (isKey && issue.type !== "strict_object") {
    return ["NAME", `"${last}" is no name: ${issue.message}`, "rename it"]
  }
  if (last === "name" && keys.length === 1) return ["NAME", issue.message, "rename the application"]
  if (issue.type === "strict_object") {
    return [
      "SCHEMA",
      value === undefined && !isKey ? `"${last}" is missing` : `"${last}" is not known here`,
      "see docs/spec/application.md",
    ]
  }
  return ["SCHEMA", issue.message, "see docs/spec/application.md"]
}
