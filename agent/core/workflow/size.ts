import {
  EXPRESSIONS_PER_APPLICATION_MAX,
  TASKS_PER_APPLICATION_MAX,
  TASKS_PER_WORKFLOW_MAX,
  WORKFLOWS_PER_APPLICATION_MAX,
} from "../../base/limits.ts"
import type { Application } from "../../schema/application.ts"
import type { Json } from "../../schema/json.ts"
import type { Refuse } from "./refuse.ts"
import { pointerToken, templateExpressions } from "./template.ts"

/** Refuses what is too large to be judged further: LIMIT. @returns whether it is small enough */
export function checkSize(application: Application, refuse: Refuse): boolean {
  let fits = true
  const bound = (path: string, count: number, what: string, max: number) => {
    if (count <= max) return
    fits = false
    refuse("LIMIT", path, `${count} ${what}; at most ${max}`, "split it into several applications")
  }
  const workflows = Object.entries(application.workflows)
  bound("/workflows", workflows.length, "workflows", WORKFLOWS_PER_APPLICATION_MAX)
  let tasks = 0
  let expressions = 0
  for (const [name, workflow] of workflows) {
    const definitions = Object.values(workflow.tasks)
    bound(`/workflows/${pointerToken(name)}/tasks`, definitions.length, "tasks", TASKS_PER_WORKFLOW_MAX)
    tasks += definitions.length
    for (const task of definitions) expressions += templateExpressions(task.with as Json).length
  }
  for (const { data } of Object.values(application.outputs ?? {})) {
    expressions += templateExpressions(data as Json).length
  }
  if (fits) bound("/workflows", tasks, "tasks in all workflows", TASKS_PER_APPLICATION_MAX)
  if (fits) bound("", expressions, "expressions", EXPRESSIONS_PER_APPLICATION_MAX)
  return fits
}
