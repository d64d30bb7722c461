import type { Application, ApplicationWorkflow } from "../../schema/application.ts"
import type { JsonObject } from "../../schema/json.ts"
import { BUILT_IN_STATUSES, isBuiltInStatus } from "../../schema/names.ts"
import { type Catalogue, runTarget } from "./compile.ts"
import type { Connections } from "./connections.ts"
import { after, type Edge, type Endings, whetherEnded, type Past } from "./endings.ts"
import { ANYTHING, type Known, membersOf } from "./known-names.ts"
import type { Unsound } from "./sound.ts"
import { pointerToken } from "./template.ts"

/** What the expressions of one workflow can name. `past` is null where the graph cannot be judged. */
export interface WorkflowFacts {
  readonly application: Application
  readonly workflow: ApplicationWorkflow
  /** Its JSON pointer. */
  readonly at: string
  readonly catalogue: Catalogue
  readonly connections: Connections | null
  readonly past: Past | null
  readonly unsound: Unsound
}

const TEXT = { kind: "data", schemas: [{ type: "string" }], of: "events" } as const
/** What `error`, `timed-out` and `cancelled` carry. See docs/spec/workflow.md#statuses. */
const FAILURE: JsonObject = {
  type: "object",
  properties: { code: { type: "string" }, message: { type: "string" } },
  additionalProperties: false,
}

const NO_EVENT = {
  kind: "never" as const,
  why: "`event` is the awaited event, and this task waits for none",
  remedy: "name `trigger`, or add a `wait`",
}
const NO_DATA: Known = {
  kind: "never",
  why: "`data` is the data of the event under test, which only a `where` has",
  remedy: "write `trigger.data`",
}

/** The trigger's `where`: no task has run yet. */
export function triggerScope(facts: WorkflowFacts): Known {
  const { workflow, catalogue } = facts
  return membersOf({
    ...always(facts),
    data: dataOf(workflow.trigger, catalogue),
    tasks: { kind: "never", why: "no task has run when the trigger is tested", remedy: "name `data` or `config`" },
    event: { kind: "never", why: "no event is awaited when the trigger is tested", remedy: "write `trigger`" },
  })
}

/** The `with` of a task, and the `where` of its wait. */
export function taskScope(facts: WorkflowFacts, name: string): Known {
  const { connections, past, workflow, catalogue } = facts
  const task = connections?.names.indexOf(name) ?? -1
  const endings = past?.endings[task] ?? null
  const { wait } = workflow.tasks[name]!
  return membersOf({
    ...always(facts),
    tasks: tasksOf(facts, endings, task, `when "${name}" starts`),
    event: wait === undefined ? NO_EVENT : eventOf(wait, catalogue),
    data: wait === undefined ? NO_DATA : dataOf(wait, catalogue),
  })
}

/** The data of an output, made when its status is there. @param from null where it names no task */
export function outputScope(facts: WorkflowFacts, from: Edge | null): Known {
  const endings = from === null || facts.past === null ? null : after(facts.past.endings[from.task]!, from)
  return membersOf({
    ...always(facts),
    tasks: tasksOf(facts, endings, null, "when this output is reached"),
    event: { ...NO_EVENT, why: "an output awaits no event", remedy: "name `trigger` or `tasks`" },
    data: NO_DATA,
  })
}

function always({ application, workflow, catalogue, unsound }: WorkflowFacts): Record<string, Known> {
  return { trigger: eventOf(workflow.trigger, catalogue), config: configOf(application, unsound) }
}

function configOf({ config }: Application, unsound: Unsound): Known {
  if (unsound.paths.has("/config")) return ANYTHING
  const of = (name: string) => `the setting "${name}"`
  return membersOf(
    Object.fromEntries(
      Object.entries(config).map(([name, schema]): [string, Known] => [
        name,
        { kind: "data", schemas: [schema as JsonObject], of: of(name) },
      ]),
    ),
  )
}

interface EventName {
  readonly service: string
  readonly event: string
}

function eventOf(name: EventName, catalogue: Catalogue): Known {
  return membersOf({ service: TEXT, event: TEXT, id: TEXT, time: TEXT, data: dataOf(name, catalogue) })
}

function dataOf({ service, event }: EventName, catalogue: Catalogue): Known {
  const events = catalogue.manifest(service)?.events ?? {}
  if (!Object.hasOwn(events, event)) return ANYTHING
  return { kind: "data", schemas: [events[event]!.data], of: `${service}.${event}` }
}

function tasksOf(facts: WorkflowFacts, endings: Endings | null, self: number | null, when: string): Known {
  const { workflow, at, connections, past, unsound } = facts
  const names = Object.keys(workflow.tasks)
  return {
    kind: "members",
    names,
    member(name) {
      if (unsound.lost.has(`${at}/tasks/${pointerToken(name)}`)) return ANYTHING
      if (!Object.hasOwn(workflow.tasks, name)) return undefined
      const index = connections?.names.indexOf(name) ?? -1
      if (endings === null || past === null || connections === null) return endOf(facts, name, null)
      const known = endOf(facts, name, endings.get(index) ?? null)
      const ended = whetherEnded(index, endings, self, past)
      if (ended === "certain") return known
      const certainly = [...endings.keys()].map((task) => connections.names[task]!).join(", ")
      if (ended === "never") {
        const remedy = certainly === "" ? "name `trigger`: no task has ended by then" : `these have ended: ${certainly}`
        return { kind: "never", why: `task "${name}" cannot have ended ${when}`, remedy }
      }
      return isAncestor(name, self, facts)
        ? known
        : { kind: "perhaps", why: `task "${name}" may not have ended ${when}`, known }
    },
  }
}

/** With a join `any`, a task on one of the ways is asked for on purpose. */
function isAncestor(name: string, self: number | null, { connections }: WorkflowFacts): boolean {
  if (self === null || connections === null) return false
  const open = [self]
  const seen = new Set<number>()
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    for (const parent of connections.follows[task]!) {
      if (connections.names[parent.task] === name) return true
      if (seen.has(parent.task)) continue
      seen.add(parent.task)
      open.push(parent.task)
    }
  }
  return false
}

/** What is known of `tasks.<name>`. @param status null where it may have ended in any */
function endOf({ workflow, catalogue }: WorkflowFacts, name: string, status: string | null): Known {
  const { run } = workflow.tasks[name]!
  const of = status === null ? run : `${run}, status ${status}`
  return membersOf({ status: { ...TEXT, of: "statuses" }, data: resultOf(run, status, of, catalogue) })
}

function resultOf(run: string, status: string | null, of: string, catalogue: Catalogue): Known {
  if (status !== null && isBuiltInStatus(status)) return { kind: "data", schemas: [FAILURE], of: `status ${status}` }
  const declared = declaredData(run, catalogue)
  if (declared === null) return ANYTHING
  const statuses = status === null ? [...declared.keys(), ...BUILT_IN_STATUSES] : [status]
  const schemas = statuses.map((one) => (isBuiltInStatus(one) ? FAILURE : (declared.get(one) ?? {})))
  return { kind: "data", schemas, of }
}

/** The schemas of the statuses that a task declares; null where it is not known. */
function declaredData(run: string, catalogue: Catalogue): ReadonlyMap<string, JsonObject> | null {
  const target = runTarget(run)
  if ("application" in target) {
    const outputs = catalogue.application(target.application)?.outputs
    if (outputs === undefined) return null
    return new Map(Object.entries(outputs).map(([status, { schema }]) => [status, (schema ?? {}) as JsonObject]))
  }
  const tasks = catalogue.manifest(target.service)?.tasks ?? {}
  if (!Object.hasOwn(tasks, target.task)) return null
  return new Map(Object.entries(tasks[target.task]!.statuses).map(([status, { data }]) => [status, data as JsonObject]))
}
