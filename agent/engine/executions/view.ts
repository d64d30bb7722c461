import type { Input } from "../../core/execution/input.ts"
import { branchesOf } from "../../core/execution/branches.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import type { WorkflowDefinition } from "../../core/workflow/definition.ts"
import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"
import { redacted } from "../../schema/redact.ts"
import type { ExecutionView, TransitionView } from "../../schema/execution.ts"
import type { StepRecord } from "./step-text.ts"

/** An execution as everybody outside the engine sees it. */
export function executionView(state: ExecutionState): ExecutionView {
  const { definition, trigger } = state
  const nameOf = (task: number) => definition.tasks[task]!.name
  return {
    id: state.id,
    app: definition.app,
    workflow: definition.workflow,
    version: definition.version,
    status: state.status,
    trigger: {
      service: trigger.service,
      event: trigger.event,
      data: shownEvent(definition, trigger).data,
      id: trigger.id,
    },
    started: iso(state.startedMs),
    finished: iso(state.finishedMs),
    branches: branchesOf(state).map(({ path, status, remaining }) => ({
      path: path.map(nameOf),
      status,
      remaining: remaining.map(nameOf),
    })),
    tasks: Object.fromEntries(
      state.tasks.map((task, index) => [
        nameOf(index),
        {
          state: task.state,
          status: task.status,
          data: task.status === null ? null : shownData(definition, index, task.data),
          attempts: task.attempts,
          started: iso(task.startedMs),
          finished: iso(task.finishedMs),
        },
      ]),
    ),
    retryOf: state.retryOf,
  }
}

/** What a task was given or ended with, without what its manifest or the application redacts. */
export function shownData(definition: WorkflowDefinition, task: number, data: Json): Json {
  return redacted(data, definition.redact?.tasks[task] ?? [])
}

function shownEvent(definition: WorkflowDefinition, event: Event): Event {
  const paths = definition.redact?.events[`${event.service}/${event.event}`]
  return paths === undefined ? event : { ...event, data: redacted(event.data, paths) }
}

function shownInput(definition: WorkflowDefinition, input: Input): Input {
  if (definition.redact === undefined) return input
  switch (input.kind) {
    case "triggered":
    case "event":
      return { ...input, event: shownEvent(definition, input.event) }
    case "prepared":
      return { ...input, inputs: shownData(definition, input.task, input.inputs) }
    case "result":
    case "submitted":
      return { ...input, data: shownData(definition, input.task, input.data) }
    default:
      return input
  }
}

/** The whole history, a line per input, numbered from 1. */
export function transitionViews(definition: WorkflowDefinition, steps: readonly StepRecord[]): TransitionView[] {
  const inputs = steps.flatMap(({ core, inputs }) => inputs.map((input) => ({ core, input })))
  return inputs.map(({ core, input }, index) => {
    const { kind, atMs, ...detail } = shownInput(definition, input) as Input & { task?: number }
    const task = detail.task === undefined ? null : (definition.tasks[detail.task]?.name ?? null)
    const { task: _, ...rest } = detail
    return { seq: index + 1, time: new Date(atMs).toISOString(), core, kind, task, detail: rest }
  })
}

function iso(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString()
}
