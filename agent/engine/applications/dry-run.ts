import type { ExecutionId, ServiceId } from "../../base/ids.ts"
import type { Soon } from "../../base/soon.ts"
import type { Catalogue } from "../../core/workflow/compile.ts"
import type { TaskDefinition } from "../../core/workflow/definition.ts"
import type { Effect } from "../../core/execution/effect.ts"
import type { Input } from "../../core/execution/input.ts"
import { type ExecutionState, hasEnded } from "../../core/execution/state.ts"
import { createExecution, transition, triggeredInput } from "../../core/execution/transition.ts"
import type { Expressions } from "../../ports/expressions.ts"
import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import { sampleOf } from "../../schema/sample.ts"
import type { DryExecution, DryTask, Outcome } from "../core.ts"
import { type Prepared, prepare } from "../executions/advance.ts"
import { eventScope, matches } from "../executions/evaluate.ts"
import { executionView } from "../executions/view.ts"
import { checkTrigger } from "./check-trigger.ts"
import { ApplicationError } from "./error.ts"
import type { PinnedWorkflow } from "./pinned.ts"

/** No execution has this id: nothing of a dry run is kept. */
const NOBODY = `ex_${"0".repeat(26)}` as ExecutionId

export interface DryRunParts {
  readonly expressions: Expressions
  readonly catalogue: Catalogue
  readonly nowMs: number
}

/**
 * What would become of one event: the same machine and the same expressions as in an execution, but no task runs. Each
 * is taken to end as `outcomes` says, else as the first example of its manifest, else in its first status with data made
 * up from the schema. Awaited events do not come.
 * @param data null for data made up from the event's schema
 * @throws EventError EVENT_DATA_INVALID, EVENT_TOO_LARGE; ApplicationError OUTCOME_INVALID
 */
export async function dryRun(
  pinned: PinnedWorkflow,
  data: Json | undefined,
  outcomes: Readonly<Record<string, Outcome>>,
  { expressions, catalogue, nowMs }: DryRunParts,
): Promise<DryExecution> {
  const { definition } = pinned
  const { service, event: name, where } = definition.trigger
  const schema = catalogue.manifest(service)?.events[name]?.data
  const event: Event = {
    service: service as ServiceId,
    event: name,
    data: data === undefined ? sampleOf(schema) : data,
    id: null,
    timeMs: nowMs,
  }
  checkTrigger(pinned, event)
  const assumed = definition.tasks.map((task, index) => assume(pinned, index, task, outcomes[task.name], catalogue))
  for (const task of Object.keys(outcomes)) {
    if (!definition.tasks.some((one) => one.name === task)) throw invalid(task, `the workflow has no task "${task}"`)
  }
  const scope = { trigger: eventScope(event), data: event.data, config: definition.config }
  const passes = await matches(expressions, where, scope, nowMs)
  const trigger = { service, event: name, data: event.data, passes }
  if (!passes) return { workflow: definition.workflow, trigger, status: null, branches: [], tasks: {} }
  const state = await walk(pinned, event, assumed, expressions)
  const { status, branches, tasks } = executionView(state)
  return {
    workflow: definition.workflow,
    trigger,
    status,
    branches,
    tasks: Object.fromEntries(
      definition.tasks.map((task, index): [string, DryTask] => {
        const { inputs, attempts } = state.tasks[index]!
        const shown = tasks[task.name]!
        return [
          task.name,
          {
            run: "service" in task.run ? `${task.run.service}.${task.run.task}` : `app:${task.run.application}`,
            state: shown.state,
            status: shown.status,
            data: shown.data as Json,
            inputs: inputs ?? null,
            assumed: attempts > 0 ? assumed[index]!.from : null,
            waits: task.wait === null || hasEnded(state.tasks[index]!) ? null : waitOf(task),
          },
        ]
      }),
    ),
  }
}

/** Feeds the machine until it asks for nothing more: each task runs once at most, so it ends. */
async function walk(
  pinned: PinnedWorkflow,
  event: Event,
  assumed: readonly Assumed[],
  expressions: Expressions,
): Promise<ExecutionState> {
  const atMs = event.timeMs
  const begun = createExecution(pinned.definition, triggeredInput(NOBODY, event, atMs))
  let { state } = begun
  const asked = [...begun.effects]
  const triggerScope = eventScope(event)
  for (let effect = asked.shift(); effect !== undefined; effect = asked.shift()) {
    for (const input of await answer(effect, { pinned, state, triggerScope }, assumed, atMs, expressions)) {
      const next = transition(state, input)
      state = next.state
      asked.push(...next.effects)
    }
  }
  return state
}

function answer(
  effect: Effect,
  live: Prepared,
  assumed: readonly Assumed[],
  atMs: number,
  expressions: Expressions,
): Soon<readonly Input[]> {
  switch (effect.kind) {
    case "prepare":
      return prepare(live, effect.task, atMs, expressions)
    case "start":
      return [
        { kind: "assigned", atMs, task: effect.task, core: "" },
        { kind: "started", atMs, task: effect.task },
      ]
    case "execute": {
      const { status, data } = assumed[effect.task]!
      return [{ kind: "result", atMs, task: effect.task, status, data }]
    }
    case "verify":
      return [{ kind: "verified", atMs, task: effect.task, correct: true }]
    default:
      return []
  }
}

interface Assumed {
  readonly status: string
  readonly data: Json
  readonly from: NonNullable<DryTask["assumed"]>
}

function assume(
  pinned: PinnedWorkflow,
  index: number,
  { name, run, statuses }: TaskDefinition,
  given: Outcome | undefined,
  catalogue: Catalogue,
): Assumed {
  const task = "service" in run ? catalogue.manifest(run.service)?.tasks[run.task] : undefined
  const outputs = "application" in run ? catalogue.application(run.application)?.outputs : undefined
  const schemaOf = (status: string) => task?.statuses[status]?.data ?? outputs?.[status]?.schema
  const example = task?.examples?.find(({ status }) => given === undefined || status === given.status)
  const status = given?.status ?? example?.status ?? statuses[0]!
  if (isBuiltInStatus(status)) {
    const data = given?.data ?? { code: "ASSUMED", message: `it is taken to end in ${status}` }
    return { status, data, from: "given" }
  }
  if (!statuses.includes(status)) {
    throw invalid(name, `task "${name}" has no status "${status}": it has ${statuses.join(", ")}`)
  }
  const data = given?.data ?? example?.data ?? sampleOf(schemaOf(status) as Json | undefined)
  const [issue] = pinned.checkResult(index, status, data)
  if (issue !== undefined) {
    throw invalid(name, `data${issue.path} of status "${status}" of task "${name}" ${issue.message}`)
  }
  return { status, data, from: given !== undefined ? "given" : example !== undefined ? "example" : "schema" }
}

function waitOf({ wait }: TaskDefinition): DryTask["waits"] {
  return wait === null ? null : { service: wait.service, event: wait.event }
}

function invalid(task: string, message: string): ApplicationError {
  return new ApplicationError({ code: "OUTCOME_INVALID", task }, message, {
    remedy: `say how it ends: --outcomes '{"${task}": {"status": …, "data": …}}'`,
  })
}
