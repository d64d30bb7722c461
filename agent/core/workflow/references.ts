import type { Application, ApplicationWorkflow, Warning } from "../../schema/application.ts"
import { compileDataSchema, type DataIssue } from "../../schema/data-schema.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import { afterOf, type Catalogue, runTarget } from "./compile.ts"
import { type Refuse, useInstead } from "./refuse.ts"
import { statusesOf } from "./statuses.ts"
import { pointerToken, templateExpressions } from "./template.ts"

/** Checks that every service, event, task and status that a workflow of this application names is known. */
export function checkReferences(
  application: Application,
  workflow: ApplicationWorkflow,
  at: string,
  catalogue: Catalogue,
  refuse: Refuse,
): void {
  checkEvent(workflow.trigger, `${at}/trigger`, catalogue, refuse)
  for (const [name, task] of Object.entries(workflow.tasks)) {
    const here = `${at}/tasks/${pointerToken(name)}`
    checkRun(application, task.run, here, catalogue, refuse)
    if (task.wait) checkEvent(task.wait, `${here}/wait`, catalogue, refuse)
    afterOf(task).forEach(({ task: parentName, status }, i) => {
      const parent = Object.hasOwn(workflow.tasks, parentName) ? workflow.tasks[parentName] : undefined
      if (parent === undefined || status === "" || !isKnown(parent.run, catalogue)) return
      const known = statusesOf(parent.run, catalogue)
      if (!known.includes(status)) {
        const path = Array.isArray(task.after) ? `${here}/after/${i}` : `${here}/after`
        const remedy = useInstead(status, known, "")
        refuse("UNKNOWN_STATUS", path, `${parent.run} has no status "${status}"`, remedy)
      }
    })
  }
}

function checkEvent(
  { service, event }: { service: string; event: string },
  at: string,
  catalogue: Catalogue,
  refuse: Refuse,
): void {
  const manifest = catalogue.manifest(service)
  if (manifest === undefined) {
    refuse(
      "UNKNOWN_SERVICE",
      `${at}/service`,
      `service "${service}" is not known`,
      `install it: mesg service add ${service}`,
    )
  } else if (!Object.hasOwn(manifest.events, event)) {
    const remedy = useInstead(event, Object.keys(manifest.events), `service "${service}" has no events at all`)
    refuse("UNKNOWN_EVENT", `${at}/event`, `service "${service}" has no event "${event}"`, remedy)
  }
}

function checkRun(application: Application, run: string, at: string, catalogue: Catalogue, refuse: Refuse): void {
  const target = runTarget(run)
  if ("application" in target) return checkCall(application.name, target.application, at, catalogue, refuse)
  const manifest = catalogue.manifest(target.service)
  if (manifest === undefined) {
    refuse(
      "UNKNOWN_SERVICE",
      `${at}/run`,
      `service "${target.service}" is not known`,
      `install it: mesg service add ${target.service}`,
    )
  } else if (!Object.hasOwn(manifest.tasks, target.task)) {
    const remedy = useInstead(
      target.task,
      Object.keys(manifest.tasks),
      `service "${target.service}" has no tasks at all`,
    )
    refuse("UNKNOWN_TASK", `${at}/run`, `service "${target.service}" has no task "${target.task}"`, remedy)
  }
}

/** A public application used as a task. */
function checkCall(caller: string, called: string, at: string, catalogue: Catalogue, refuse: Refuse): void {
  const application = catalogue.application(called)
  if (leadsTo(caller, called, catalogue)) {
    refuse("CYCLE", `${at}/run`, `calling "${called}" leads back to "${caller}"`, "break the circle of calls")
  } else if (application === undefined) {
    refuse("UNKNOWN_SERVICE", `${at}/run`, `public application "${called}" is not known`, "deploy it first")
  } else if (application.visibility !== "public") {
    refuse("UNKNOWN_SERVICE", `${at}/run`, `application "${called}" is private`, "make it public to use it as a task")
  }
}

function leadsTo(goal: string, from: string, catalogue: Catalogue): boolean {
  const seen = new Set<string>()
  const open = [from]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === goal) return true
    if (seen.has(next)) continue
    seen.add(next)
    for (const { tasks } of Object.values(catalogue.application(next)?.workflows ?? {})) {
      for (const { run } of Object.values(tasks)) {
        const target = runTarget(run)
        if ("application" in target) open.push(target.application)
      }
    }
  }
  return false
}

/**
 * Fixed inputs that break the schema of what runs: the task will end in `error` whenever it is reached.
 * Without expressions they are checked whole; with expressions only that no required one is missing.
 */
export function unfitInputs(workflow: ApplicationWorkflow, at: string, catalogue: Catalogue): Warning[] {
  return Object.entries(workflow.tasks).flatMap(([name, task]) => {
    const schema = inputSchema(task.run, catalogue)
    return unfit(schema, task.with as Json).map(({ path, message }) => ({
      path: `${at}/tasks/${pointerToken(name)}/with${path}`,
      message: `the inputs of task "${name}" never fit ${task.run}: ${path === "" ? "" : `${path} `}${message}`,
    }))
  })
}

/** What a task is given; an application is given the data of its trigger. @returns any object where it is not known */
function inputSchema(run: string, catalogue: Catalogue): JsonObject {
  const target = runTarget(run)
  if ("service" in target) {
    const tasks = catalogue.manifest(target.service)?.tasks ?? {}
    return Object.hasOwn(tasks, target.task) ? (tasks[target.task]!.inputs as JsonObject) : {}
  }
  const [workflow] = Object.values(catalogue.application(target.application)?.workflows ?? {})
  if (workflow === undefined) return {}
  const events = catalogue.manifest(workflow.trigger.service)?.events ?? {}
  return Object.hasOwn(events, workflow.trigger.event) ? (events[workflow.trigger.event]!.data as JsonObject) : {}
}

function unfit(schema: JsonObject, inputs: Json): readonly DataIssue[] {
  if (templateExpressions(inputs).length > 0) {
    const required = schema["required"]
    if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || !Array.isArray(required)) return []
    return required
      .filter((name) => typeof name === "string" && !Object.hasOwn(inputs, name))
      .map((name) => ({ path: "", message: `"${name}" is required` }))
  }
  const compiled = compileDataSchema(schema)
  return compiled.ok ? compiled.check(inputs) : []
}

/** Whether the statuses of what runs are known. */
export function isKnown(run: string, catalogue: Catalogue): boolean {
  const target = runTarget(run)
  if ("application" in target) return catalogue.application(target.application) !== undefined
  return Object.hasOwn(catalogue.manifest(target.service)?.tasks ?? {}, target.task)
}
