import { parseDuration } from "../../base/duration.ts"
import type { ApplicationName, ServiceId } from "../../base/ids.ts"
import { TASK_TIMEOUT_MS_DEFAULT } from "../../base/limits.ts"
import type { Application, ApplicationTask } from "../../schema/application.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Manifest, Retry } from "../../schema/manifest.ts"
import type { OutputDefinition, TaskDefinition, TriggerDefinition, WorkflowDefinition } from "./definition.ts"
import { redactionsOf } from "./redactions.ts"
import { followersOf, pathsFrom, reachableFrom } from "./graph.ts"

/** What an application may stand on: installed services, and public applications used as tasks. */
export interface Catalogue {
  manifest(service: string): Manifest | undefined
  application(name: string): Application | undefined
  /** Whether a known service runs behind MQTT; nobody knows where left out. */
  isRemote?(service: string): boolean
}

const RETRY_ONCE: Retry = { attempts: 1, backoffMs: 500, factor: 2 }

/**
 * Compiles one workflow of an application that rules.ts has accepted against the same catalogue.
 * @param config the application's settings at this deployment
 */
export function compileWorkflow(
  application: Application,
  workflowName: string,
  version: number,
  config: JsonObject,
  catalogue: Catalogue,
): WorkflowDefinition {
  const workflow = application.workflows[workflowName]!
  const names = Object.keys(workflow.tasks)
  const indexOf = new Map(names.map((name, index) => [name, index]))
  const edges = names.map((name) =>
    afterOf(workflow.tasks[name]!).map(({ task, status }) => ({ task: indexOf.get(task)!, status })),
  )
  const followers = followersOf(edges.map((list) => list.map((edge) => edge.task)))
  const first = edges.findIndex((list) => list.length === 0)
  const tasks = names.map((name, index): TaskDefinition => {
    const task = workflow.tasks[name]!
    const wait = task.wait
    return {
      name,
      ...runOf(task, catalogue),
      with: task.with as Json,
      after: edges[index]!,
      join: task.join,
      wait: wait
        ? { service: wait.service, event: wait.event, where: wait.where ?? null, timeoutMs: durationOf(wait.timeout) }
        : null,
      behind: [...reachableFrom(followers, index)].sort((a, b) => a - b),
    }
  })
  const redact = redactionsOf(workflow, tasks, (service) => catalogue.manifest(service))
  return {
    v: 1,
    app: application.name,
    workflow: workflowName,
    version,
    config,
    trigger: triggerOf(workflow.trigger),
    first,
    tasks,
    branches: pathsFrom(followers, first),
    outputs: outputsOf(application, indexOf),
    ...(redact === undefined ? {} : { redact }),
  }
}

/** The statuses a task follows, as written: `<task>.<status>` once or in a list. */
export function afterOf(task: ApplicationTask): { task: string; status: string }[] {
  const list = task.after === undefined ? [] : Array.isArray(task.after) ? task.after : [task.after]
  return list.map((text) => {
    const dot = text.indexOf(".")
    return dot < 0 ? { task: text, status: "" } : { task: text.slice(0, dot), status: text.slice(dot + 1) }
  })
}

/** `run` taken apart; the two forms are told by schema/application.ts. */
export function runTarget(run: string): { service: string; task: string } | { application: string } {
  if (run.startsWith("app:")) return { application: run.slice(4) }
  const dot = run.indexOf(".")
  return { service: run.slice(0, dot), task: run.slice(dot + 1) }
}

function runOf(task: ApplicationTask, catalogue: Catalogue) {
  const target = runTarget(task.run)
  const ownTimeoutMs = durationOf(task.timeout)
  if ("application" in target) {
    return {
      run: { application: target.application as ApplicationName },
      statuses: Object.keys(catalogue.application(target.application)!.outputs ?? {}),
      // A called application is itself durable: calling it again with the same key finds the same execution.
      effect: "idempotent" as const,
      retry: { ...RETRY_ONCE, ...task.retry },
      timeoutMs: ownTimeoutMs ?? 0,
    }
  }
  const declared = catalogue.manifest(target.service)!.tasks[target.task]!
  return {
    run: { service: target.service as ServiceId, task: target.task },
    statuses: Object.keys(declared.statuses),
    effect: declared.effect,
    retry: { ...(declared.retry ?? RETRY_ONCE), ...task.retry },
    timeoutMs: ownTimeoutMs ?? declared.timeoutMs ?? TASK_TIMEOUT_MS_DEFAULT,
  }
}

function triggerOf(trigger: Application["workflows"][string]["trigger"]): TriggerDefinition {
  return {
    service: trigger.service,
    event: trigger.event,
    where: trigger.where ?? null,
    debounceMs: durationOf(trigger.debounce),
    throttleMs: durationOf(trigger.throttle),
    overlap: trigger.overlap,
  }
}

function outputsOf(application: Application, indexOf: ReadonlyMap<string, number>): OutputDefinition[] {
  return Object.entries(application.outputs ?? {}).flatMap(([status, output]) => {
    const dot = output.from.indexOf(".")
    const task = indexOf.get(output.from.slice(0, dot))
    return task === undefined ? [] : [{ status, task, on: output.from.slice(dot + 1), data: output.data as Json }]
  })
}

function durationOf(text: string | undefined): number | null {
  return text === undefined ? null : parseDuration(text)
}
