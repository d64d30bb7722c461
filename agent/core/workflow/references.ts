import type { ApplicationWorkflow } from "../../schema/application.ts"
import { compileDataSchema } from "../../schema/data-schema.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { ManifestTask } from "../../schema/manifest.ts"
import { afterOf, type Catalogue, runTarget } from "./compile.ts"
import type { Refuse } from "./refuse.ts"
import { statusesOf } from "./statuses.ts"
import { templateExpressions } from "./template.ts"

/** Checks that every service, event, task and status that a workflow names is known, and that fixed inputs fit. */
export function checkReferences(workflow: ApplicationWorkflow, at: string, catalogue: Catalogue, refuse: Refuse): void {
  checkEvent(workflow.trigger, `${at}/trigger`, catalogue, refuse)
  for (const [name, task] of Object.entries(workflow.tasks)) {
    const here = `${at}/tasks/${name}`
    checkRun(task.run, task.with as Json, here, catalogue, refuse)
    if (task.wait) checkEvent(task.wait, `${here}/wait`, catalogue, refuse)
    afterOf(task).forEach(({ task: parentName, status }, i) => {
      const parent = workflow.tasks[parentName]
      if (parent === undefined || status === "" || !isKnown(parent.run, catalogue)) return
      const known = statusesOf(parent.run, catalogue)
      if (!known.includes(status)) {
        const path = Array.isArray(task.after) ? `${here}/after/${i}` : `${here}/after`
        refuse("UNKNOWN_STATUS", path, `${parent.run} has no status "${status}"`, `use one of: ${known.join(", ")}`)
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
    const known = Object.keys(manifest.events).join(", ") || "none"
    refuse("UNKNOWN_EVENT", `${at}/event`, `service "${service}" has no event "${event}"`, `its events: ${known}`)
  }
}

function checkRun(run: string, inputs: Json, at: string, catalogue: Catalogue, refuse: Refuse): void {
  const target = runTarget(run)
  if ("application" in target) {
    const application = catalogue.application(target.application)
    if (application === undefined) {
      refuse(
        "UNKNOWN_SERVICE",
        `${at}/run`,
        `public application "${target.application}" is not known`,
        "deploy it first",
      )
    } else if (application.visibility !== "public") {
      refuse(
        "UNKNOWN_SERVICE",
        `${at}/run`,
        `application "${target.application}" is private`,
        "make it public to use it as a task",
      )
    }
    return
  }
  const manifest = catalogue.manifest(target.service)
  if (manifest === undefined) {
    refuse(
      "UNKNOWN_SERVICE",
      `${at}/run`,
      `service "${target.service}" is not known`,
      `install it: mesg service add ${target.service}`,
    )
    return
  }
  if (!Object.hasOwn(manifest.tasks, target.task)) {
    const known = Object.keys(manifest.tasks).join(", ") || "none"
    refuse(
      "UNKNOWN_TASK",
      `${at}/run`,
      `service "${target.service}" has no task "${target.task}"`,
      `its tasks: ${known}`,
    )
    return
  }
  checkFixedInputs(manifest.tasks[target.task]!, inputs, `${at}/with`, refuse)
}

/** Inputs without expressions are checked whole; with expressions only that no required one is missing. */
function checkFixedInputs(task: ManifestTask, inputs: Json, at: string, refuse: Refuse): void {
  const schema = task.inputs as JsonObject
  if (templateExpressions(inputs).length > 0) {
    if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || !Array.isArray(schema["required"]))
      return
    for (const name of schema["required"]) {
      if (typeof name === "string" && !Object.hasOwn(inputs, name)) {
        refuse("SCHEMA", at, `input "${name}" is required`, `add "${name}" to \`with\``)
      }
    }
    return
  }
  const compiled = compileDataSchema(schema)
  if (!compiled.ok) return
  for (const issue of compiled.check(inputs)) {
    refuse("SCHEMA", `${at}${issue.path}`, `the inputs ${issue.message}`, "see the task's inputs: mesg service show")
  }
}

function isKnown(run: string, catalogue: Catalogue): boolean {
  const target = runTarget(run)
  if ("application" in target) return catalogue.application(target.application) !== undefined
  return Object.hasOwn(catalogue.manifest(target.service)?.tasks ?? {}, target.task)
}
