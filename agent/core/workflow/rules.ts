import * as v from "valibot"
import { utf8 } from "../../base/bytes.ts"
import {
  APPLICATION_BYTES_MAX,
  APPLICATION_DEPTH_MAX,
  BRANCHES_PER_WORKFLOW_MAX,
  REFUSALS_TOLD_MAX,
} from "../../base/limits.ts"
import {
  type Application,
  ApplicationSchema,
  type ApplicationWorkflow,
  type Refusal,
  type Warning,
} from "../../schema/application.ts"
import { compileDataSchema } from "../../schema/data-schema.ts"
import { isTooDeep, type JsonObject } from "../../schema/json.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import { settingsSchema } from "../../schema/settings.ts"
import type { Catalogue } from "./compile.ts"
import { type Connections, connectionsOf } from "./connections.ts"
import { type Past, pastOf } from "./endings.ts"
import { type ExpressionReader, ExpressionRules } from "./expressions.ts"
import { countPaths, reachableFrom, tasksOnCycles } from "./graph.ts"
import { checkReferences, isKnown, unfitInputs } from "./references.ts"
import { type Refuse, useInstead } from "./refuse.ts"
import type { WorkflowFacts } from "./scope.ts"
import { refuseLostNames, shapeRefusals } from "./shape.ts"
import { checkSecrets } from "./secrets.ts"
import { checkSize } from "./size.ts"
import { ALL_SOUND, isSound, type SoundPart, soundPart } from "./sound.ts"
import { statusesOf } from "./statuses.ts"
import { pointerToken } from "./template.ts"
import { endlessWaits, neverStarting, unhandledStatuses } from "./warnings.ts"

export interface CheckedApplication {
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly Warning[]
  /** The parsed application; null where its shape is refused. */
  readonly application: Application | null
}

/**
 * Holds an application against the rules. Paper, Rules 1-3; docs/spec/application.md#rules.
 * What is wrong with the shape of one part keeps nothing from being said of the others.
 * @param document the application as JSON, of unknown shape
 * @param catalogue what is installed, registered or known from the Network
 * @returns every broken rule, in order of path
 */
export function checkApplication(
  document: unknown,
  catalogue: Catalogue,
  expressions: ExpressionReader,
): CheckedApplication {
  const refusals: Refusal[] = []
  const refuse: Refuse = (rule, path, message, remedy) => {
    if (refusals.length >= REFUSALS_TOLD_MAX) throw new Enough()
    refusals.push({ rule, path, message, remedy })
  }
  if (isTooDeep(document, APPLICATION_DEPTH_MAX)) {
    refuse("LIMIT", "", `nests deeper than ${APPLICATION_DEPTH_MAX} levels`, "flatten it")
    return { refusals, warnings: [], application: null }
  }
  if (utf8(JSON.stringify(document) ?? "").length > APPLICATION_BYTES_MAX) {
    const remedy = "split it into several applications, and keep large data out of it"
    refuse("LIMIT", "", `is larger than ${APPLICATION_BYTES_MAX} bytes of JSON`, remedy)
    return { refusals, warnings: [], application: null }
  }
  let warnings: readonly Warning[] = []
  let application: Application | null = null
  try {
    const parsed = v.safeParse(ApplicationSchema, document)
    refuseLostNames(document, refuse)
    if (!parsed.success || Array.isArray(document)) shapeRefusals(document, parsed.issues ?? [], refuse)
    if (parsed.success && refusals.length === 0) application = parsed.output
    const part = application === null ? soundPart(document) : { application, unsound: ALL_SOUND }
    if (part !== null) warnings = judge(part, catalogue, expressions, refuse)
  } catch (error) {
    if (!(error instanceof Enough)) throw error
    refusals.push(error.refusal)
  }
  return { refusals: inOrder(refusals), warnings: inOrder(warnings), application }
}

/** Ends the work on an application in which hardly anything is right. */
class Enough extends Error {
  readonly refusal: Refusal = {
    rule: "LIMIT",
    path: "",
    message: `breaks more than ${REFUSALS_TOLD_MAX} rules; only so many are said`,
    remedy: "correct these first",
  }
}

/** Everything that the shape does not say. @returns the warnings */
function judge(
  { application, unsound }: SoundPart,
  catalogue: Catalogue,
  reader: ExpressionReader,
  refuseAny: Refuse,
): Warning[] {
  const refuse: Refuse = (rule, path, message, remedy) => {
    if (isSound(path, unsound)) refuseAny(rule, path, message, remedy)
  }
  const expressions = new ExpressionRules(reader, refuse)
  const warnings: Warning[] = []
  if (!checkSize(application, refuse)) return warnings
  checkApplicationAsWhole(application, refuse)
  checkConfig(application, refuse)
  const facts = Object.entries(application.workflows).map(([name, workflow]) => {
    const at = `/workflows/${pointerToken(name)}`
    checkReferences(application, workflow, at, catalogue, refuse)
    const connections = connectionsOf(workflow, at, unsound, refuse)
    const past = connections === null ? null : checkGraph(connections, workflow, at, refuse)
    const known: WorkflowFacts = { application, workflow, at, catalogue, connections, past, unsound }
    expressions.checkWorkflow(known)
    warnings.push(...unfitInputs(workflow, at, catalogue), ...endlessWaits(workflow, at))
    if (connections !== null) warnings.push(...unhandledStatuses(workflow, connections, at, catalogue))
    if (connections !== null && past !== null) warnings.push(...neverStarting(connections, past, at))
    return known
  })
  if (facts[0] !== undefined) checkOutputs(facts[0], expressions, refuse)
  checkSecrets(application, catalogue, refuse)
  return [...warnings, ...expressions.warnings].filter(({ path }) => isSound(path, unsound))
}

function checkApplicationAsWhole(application: Application, refuse: Refuse): void {
  const count = Object.keys(application.workflows).length
  if (count === 0) refuse("SCHEMA", "/workflows", "an application has at least one workflow", "add a workflow")
  if (application.visibility === "public" && count !== 1) {
    refuse("SCHEMA", "/workflows", "a public application has exactly one workflow", "make it private or split it")
  }
}

/** The schemas of the settings, and their defaults. */
function checkConfig(application: Application, refuse: Refuse): void {
  for (const [name, schema] of Object.entries(settingsSchema(application).properties)) {
    const at = `/config/${pointerToken(name)}`
    const compiled = compileDataSchema(schema)
    if (!compiled.ok) refuse("SCHEMA", at, `is no JSON Schema: ${compiled.message}`, "correct the schema")
    else if (schema["default"] !== undefined) {
      for (const { path, message } of compiled.check(schema["default"])) {
        const what = `the default of "${name}" breaks its own schema: ${path === "" ? "it" : path} ${message}`
        refuse("SCHEMA", `${at}/default${path}`, what, "correct the default or the schema")
      }
    }
  }
}

/** Cycles, tasks nothing leads to, too many branches. @returns what must have ended when; null where that is not known */
function checkGraph(
  { names, follows, followers, first }: Connections,
  workflow: ApplicationWorkflow,
  at: string,
  refuse: Refuse,
): Past | null {
  const onCycle = tasksOnCycles(followers)
  for (const task of onCycle) {
    refuse(
      "CYCLE",
      `${at}/tasks/${pointerToken(names[task]!)}`,
      `task "${names[task]}" leads back to itself`,
      "break the circle: a workflow only goes forward",
    )
  }
  if (onCycle.length > 0) return null
  const past = pastOf(
    follows,
    names.map((name) => workflow.tasks[name]!.join),
  )
  if (first === null) return past
  const reached = reachableFrom(followers, first)
  // One that follows nothing has been refused for that.
  const led = new Set(followers.flat())
  names.forEach((name, task) => {
    if (led.has(task) && !reached.has(task)) {
      refuse(
        "UNREACHABLE",
        `${at}/tasks/${pointerToken(name)}`,
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
  return past
}

function checkOutputs(facts: WorkflowFacts, expressions: ExpressionRules, refuse: Refuse): void {
  const { application, workflow, catalogue, connections, unsound } = facts
  for (const [status, output] of Object.entries(application.outputs ?? {})) {
    const at = `/outputs/${pointerToken(status)}`
    if (isBuiltInStatus(status)) refuse("NAME", at, `status "${status}" is built in`, "rename it")
    const schema = output.schema === undefined ? null : compileDataSchema(output.schema as JsonObject)
    if (schema?.ok === false) {
      refuse("SCHEMA", `${at}/schema`, `is no JSON Schema: ${schema.message}`, "correct the schema")
    }
    const dot = output.from.indexOf(".")
    const from = { task: output.from.slice(0, dot), status: output.from.slice(dot + 1) }
    const task = Object.hasOwn(workflow.tasks, from.task) ? workflow.tasks[from.task] : undefined
    if (dot < 1 || task === undefined) {
      if (unsound.lost.has(`${facts.at}/tasks/${pointerToken(from.task)}`)) continue
      const remedy = `write <task>.<status>, with one of the tasks ${Object.keys(workflow.tasks).join(", ")}`
      refuse("UNKNOWN_TASK", `${at}/from`, `"${output.from}" names no task of the workflow`, remedy)
    } else if (isKnown(task.run, catalogue)) {
      const known = statusesOf(task.run, catalogue)
      if (!known.includes(from.status)) {
        const remedy = useInstead(from.status, known, "")
        refuse("UNKNOWN_STATUS", `${at}/from`, `"${output.from}" names no status of ${task.run}`, remedy)
      }
    }
    const index = connections?.names.indexOf(from.task) ?? -1
    expressions.checkOutput(facts, index < 0 ? null : { task: index, status: from.status }, output, at)
  }
}

function inOrder<Item extends { readonly path: string; readonly rule?: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => {
    if (a.path !== b.path) return a.path < b.path ? -1 : 1
    return (a.rule ?? "") < (b.rule ?? "") ? -1 : 1
  })
}
