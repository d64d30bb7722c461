import * as v from "valibot"
import {
  BRANCHES_PER_WORKFLOW_MAX,
  JSON_DEPTH_MAX,
  TASKS_PER_WORKFLOW_MAX,
  WORKFLOWS_PER_APPLICATION_MAX,
} from "../../base/limits.ts"
import { type Application, ApplicationSchema, type Refusal, type Warning } from "../../schema/application.ts"
import { compileDataSchema } from "../../schema/data-schema.ts"
import { isTooDeep, type Json, type JsonObject } from "../../schema/json.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import type { Catalogue } from "./compile.ts"
import { type Connections, connectionsOf } from "./connections.ts"
import { countPaths, tasksOnCycles, reachableFrom } from "./graph.ts"
import { checkReferences, unfitInputs } from "./references.ts"
import type { Refuse } from "./refuse.ts"
import { refuseLostNames, shapeRefusals } from "./shape.ts"
import { checkSecrets } from "./secrets.ts"
import { declaredStatuses, statusesOf } from "./statuses.ts"
import { pointerToken, templateExpressions } from "./template.ts"

export interface CheckedApplication {
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly Warning[]
  /** The parsed application; null where its shape is refused. */
  readonly application: Application | null
}

/**
 * Holds an application against the rules. Paper, Rules 1-3; docs/spec/application.md#rules.
 * @param document the application as JSON, of unknown shape
 * @param catalogue what is installed, registered or known from the Network
 * @param checkExpression why an expression is refused, null where it is fine
 * @returns every broken rule, in order of path
 */
export function checkApplication(
  document: unknown,
  catalogue: Catalogue,
  checkExpression: (source: string) => string | null,
): CheckedApplication {
  const refusals: Refusal[] = []
  const warnings: Warning[] = []
  const refuse: Refuse = (rule, path, message, remedy) => refusals.push({ rule, path, message, remedy })
  if (isTooDeep(document)) {
    refuse("LIMIT", "", `nests deeper than ${JSON_DEPTH_MAX} levels`, "flatten it")
    return { refusals, warnings, application: null }
  }
  const parsed = v.safeParse(ApplicationSchema, document)
  refuseLostNames(document, refuse)
  if (!parsed.success || refusals.length > 0) {
    shapeRefusals(document, parsed.issues ?? [], refuse)
    return { refusals: inOrder(refusals), warnings, application: null }
  }
  const application = parsed.output
  checkApplicationAsWhole(application, refuse)
  for (const [name, workflow] of Object.entries(application.workflows)) {
    const at = `/workflows/${pointerToken(name)}`
    checkReferences(application, workflow, at, catalogue, refuse)
    const connections = connectionsOf(workflow, at, refuse)
    const count = Object.keys(workflow.tasks).length
    if (count > TASKS_PER_WORKFLOW_MAX) {
      refuse(
        "LIMIT",
        `${at}/tasks`,
        `${count} tasks; at most ${TASKS_PER_WORKFLOW_MAX}`,
        "split it into several applications",
      )
    } else if (connections !== null) checkGraph(connections, at, refuse)
    checkExpressions(workflow, at, checkExpression, refuse)
    warnings.push(...unfitInputs(workflow, at, catalogue))
    if (connections !== null) warnings.push(...unhandledStatuses(workflow, connections, at, catalogue))
  }
  checkOutputs(application, catalogue, checkExpression, refuse)
  checkSecrets(application, catalogue, refuse)
  return { refusals: inOrder(refusals), warnings, application }
}

function checkApplicationAsWhole(application: Application, refuse: Refuse): void {
  const count = Object.keys(application.workflows).length
  if (count === 0) refuse("SCHEMA", "/workflows", "an application has at least one workflow", "add a workflow")
  if (count > WORKFLOWS_PER_APPLICATION_MAX) {
    refuse(
      "LIMIT",
      "/workflows",
      `${count} workflows; at most ${WORKFLOWS_PER_APPLICATION_MAX}`,
      "split the application",
    )
  }
  if (application.visibility === "public" && count !== 1) {
    refuse("SCHEMA", "/workflows", "a public application has exactly one workflow", "make it private or split it")
  }
}

/** Cycles, tasks nothing leads to, too many branches. */
function checkGraph({ names, followers, first }: Connections, at: string, refuse: Refuse): void {
  const onCycle = tasksOnCycles(followers)
  for (const task of onCycle) {
    refuse(
      "CYCLE",
      `${at}/tasks/${names[task]}`,
      `task "${names[task]}" leads back to itself`,
      "break the circle: a workflow only goes forward",
    )
  }
  if (onCycle.length > 0 || first === null) return
  const reached = reachableFrom(followers, first)
  // One that follows nothing has been refused for that.
  const led = new Set(followers.flat())
  names.forEach((name, task) => {
    if (led.has(task) && !reached.has(task)) {
      refuse(
        "UNREACHABLE",
        `${at}/tasks/${name}`,
        `no status leads from the first task to "${name}"`,
        "connect it with `after`",
      )
    }
  })
  const branches = countPaths(followers, first)
  if (branches > BRANCHES_PER_WORKFLOW_MAX) {
    refuse(
      "LIMIT",
      `${at}/tasks`,
      `${branches} branches; at most ${BRANCHES_PER_WORKFLOW_MAX}`,
      "split it into several applications",
    )
  }
}

function checkExpressions(
  workflow: Application["workflows"][string],
  at: string,
  checkExpression: (source: string) => string | null,
  refuse: Refuse,
): void {
  const check = (source: string | null | undefined, path: string) => {
    if (source === undefined) return
    const reason = source === null ? "a {{ is never closed by }}" : checkExpression(source)
    if (reason !== null)
      refuse("EXPRESSION", path, reason, "correct the expression; JSONata is documented at docs.jsonata.org")
  }
  check(workflow.trigger.where, `${at}/trigger/where`)
  for (const [name, task] of Object.entries(workflow.tasks)) {
    check(task.wait?.where, `${at}/tasks/${name}/wait/where`)
    for (const { path, source } of templateExpressions(task.with as Json))
      check(source, `${at}/tasks/${name}/with${path}`)
  }
}

function checkOutputs(
  application: Application,
  catalogue: Catalogue,
  checkExpression: (source: string) => string | null,
  refuse: Refuse,
): void {
  const [workflow] = Object.values(application.workflows)
  for (const [status, output] of Object.entries(application.outputs ?? {})) {
    const at = `/outputs/${status}`
    if (isBuiltInStatus(status)) refuse("NAME", at, `status "${status}" is built in`, "rename it")
    const schema = output.schema === undefined ? null : compileDataSchema(output.schema as JsonObject)
    if (schema?.ok === false) {
      refuse("SCHEMA", `${at}/schema`, `is no JSON Schema: ${schema.message}`, "correct the schema")
    }
    const dot = output.from.indexOf(".")
    const name = output.from.slice(0, dot)
    const task = workflow !== undefined && Object.hasOwn(workflow.tasks, name) ? workflow.tasks[name] : undefined
    if (dot < 1 || task === undefined) {
      refuse("UNKNOWN_TASK", `${at}/from`, `"${output.from}" names no task of the workflow`, "write <task>.<status>")
    } else if (!statusesOf(task.run, catalogue).includes(output.from.slice(dot + 1))) {
      refuse(
        "UNKNOWN_STATUS",
        `${at}/from`,
        `"${output.from}" names no status of ${task.run}`,
        "use one of its statuses",
      )
    }
    for (const { path, source } of templateExpressions(output.data as Json)) {
      const reason = source === null ? "a {{ is never closed by }}" : checkExpression(source)
      if (reason !== null) refuse("EXPRESSION", `${at}/data${path}`, reason, "correct the expression")
    }
  }
}

/** Declared statuses that end a task others follow, and that none of them follows: probably forgotten. */
function unhandledStatuses(
  workflow: Application["workflows"][string],
  { names, followers, followed }: Connections,
  at: string,
  catalogue: Catalogue,
): Warning[] {
  return names.flatMap((name, task) => {
    if (followers[task]!.length === 0) return []
    return declaredStatuses(workflow.tasks[name]!.run, catalogue)
      .filter((status) => !followed.has(`${name}.${status}`))
      .map((status) => ({
        path: `${at}/tasks/${name}`,
        message: `nobody handles status "${status}" of task "${name}"`,
      }))
  })
}

function inOrder(refusals: readonly Refusal[]): Refusal[] {
  return refusals.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.rule < b.rule ? -1 : 1))
}
