/*
 * The state machine of one workflow execution. Total and pure: an input that does not fit is rejected, never thrown.
 * Rules: docs/spec/workflow.md and docs/spec/execution.md. The task's own steps are in task.ts.
 *
 * | state               | input          | guard                          | next                    | effects                    |
 * |---------------------|----------------|--------------------------------|-------------------------|----------------------------|
 * | (none)              | triggered      | not held                       | running                 | prepare the first task     |
 * | (none)              | triggered      | held                           | created                 |                            |
 * | created             | released       |                                | running                 | prepare the first task     |
 * | running, waiting    | event          | a task that waits for it       | kept, or judged next    | judge / prepare            |
 * | running, waiting    | judged         | that event is being judged     | opened, or the next one | prepare / judge            |
 * | running             | prepared       | task opened                    | task created            | start                      |
 * | running             | unprepared     | task opened                    | task failed             | those of its followers     |
 * | running             | assigned       | task created, no retry due     | task assigned           |                            |
 * | running             | started        | task assigned                  | task started            | execute                    |
 * | running             | submitted      | task started                   | task submitted          | verify                     |
 * | running             | verified       | task submitted                 | verified, then ended    | those of its followers     |
 * | running             | result         | task started                   | task ended              | those of its followers     |
 * | running             | attempt-failed | this attempt, tries left       | task created again      | wake                       |
 * | running             | attempt-failed | this attempt, no try left      | task ended              | those of its followers     |
 * | running, waiting    | elapsed        | a wait or a retry is due       | timed out / startable   | followers / start          |
 * | any but ended       | cancel         |                                | tasks cancelled         | abort, those of followers  |
 *
 * After every row the execution is running while a task runs, waiting while only events could move it, else ended:
 * cancelled if that was asked, failed if a branch failed, else completed.
 */
import type { ExecutionId } from "../../base/ids.ts"
import type { Event } from "../../schema/event.ts"
import type { ExecutionStatus } from "../../schema/execution.ts"
import type { WorkflowDefinition } from "../workflow/definition.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import { branchesOf } from "./branches.ts"
import type { Effect } from "./effect.ts"
import type { Input } from "./input.ts"
import type { RejectionCode } from "./rejection.ts"
import { type ExecutionState, hasEnded, IDLE_TASK, isFinished, isRunning } from "./state.ts"
import { Step } from "./step.ts"
import {
  assignTask,
  beginTask,
  cancelTasks,
  elapse,
  endTask,
  failAttempt,
  judgeEvent,
  keepEvent,
  prepareTask,
  startTask,
  submitTask,
  verifyTask,
} from "./task.ts"

export interface Transition {
  readonly state: ExecutionState
  readonly effects: readonly Effect[]
  /** Why the input changed nothing; it need not be recorded. */
  readonly rejected: RejectionCode | null
}

/** The first step of an execution. @param input must be `triggered` */
export function createExecution(definition: WorkflowDefinition, input: Input & { kind: "triggered" }): Transition {
  const state: ExecutionState = {
    id: input.execution,
    definition,
    status: "created",
    trigger: input.event,
    retryOf: input.retryOf,
    tasks: definition.tasks.map(() => IDLE_TASK),
    arrived: 0,
    cancelling: false,
    output: null,
    startedMs: null,
    finishedMs: null,
  }
  return input.held ? { state, effects: [], rejected: null } : release(state, input.atMs)
}

/** What an input does to an execution. Never throws, never awaits. */
export function transition(state: ExecutionState, input: Input): Transition {
  return takeInput(new Step(state), input)
}

/** The same for an execution that takes several. What is rejected changes nothing. */
export function takeInput(step: Step, input: Input): Transition {
  const { state } = step
  if (isFinished(state)) return reject(state, "EXECUTION_ENDED")
  if (state.status === "created" && input.kind !== "released" && input.kind !== "cancel")
    return reject(state, "EXECUTION_HELD")
  if ("task" in input && state.tasks[input.task] === undefined) return reject(state, "TASK_UNKNOWN")
  step.begin(input.atMs)
  const rejected = apply(step, input)
  return rejected === null ? close(step) : reject(state, rejected)
}

function apply(step: Step, input: Input): RejectionCode | null {
  switch (input.kind) {
    case "triggered":
      return "EXECUTION_EXISTS"
    case "released":
      if (step.state.status !== "created") return "INPUT_OUT_OF_TURN"
      step.ownState().startedMs = input.atMs
      return beginTask(step, step.definition.first)
    case "event":
      return keepEvent(step, input.event)
    case "judged":
      return judgeEvent(step, input.task, input.number, input.match)
    case "prepared":
      return prepareTask(step, input.task, input.inputs)
    case "unprepared":
      if (!isOpenedOnly(step, input.task)) return "INPUT_OUT_OF_TURN"
      return endTask(step, input.task, "error", { code: input.code, message: input.message })
    case "assigned":
      return assignTask(step, input.task, input.core)
    case "started":
      return startTask(step, input.task)
    case "submitted":
      return submitTask(step, input.task, input.status, input.data)
    case "verified":
      return verifyTask(step, input.task, input.correct)
    case "result":
      if (hasEnded(step.task(input.task))) return "TASK_ENDED"
      if (step.task(input.task).state !== "started") return "TASK_NOT_STARTED"
      return endTask(step, input.task, input.status, input.data)
    case "attempt-failed":
      return failAttempt(step, input)
    case "elapsed":
      return elapse(step)
    case "cancel":
      if (step.state.cancelling) return "INPUT_OUT_OF_TURN"
      return cancelTasks(step)
  }
}

function release(state: ExecutionState, atMs: number): Transition {
  return transition(state, { kind: "released", atMs })
}

function isOpenedOnly(step: Step, task: number): boolean {
  const { state, opened } = step.task(task)
  return state === "ready" && opened
}

/** Finds how the execution stands after its tasks have moved. */
function close(step: Step): Transition {
  const { tasks, cancelling } = step.state
  const status: ExecutionStatus | null = tasks.some(isRunning)
    ? "running"
    : !cancelling && tasks.some((task) => task.state === "ready")
      ? "waiting"
      : null
  if (status === step.state.status) return { state: step.state, effects: step.effects, rejected: null }
  const state = step.ownState()
  state.status = status ?? endStatus(state)
  if (status === null) state.finishedMs = step.atMs
  return { state: step.state, effects: step.effects, rejected: null }
}

function endStatus(state: ExecutionState): ExecutionStatus {
  if (state.cancelling) return "cancelled"
  // Only a built-in status fails a branch.
  if (!state.tasks.some(({ status }) => status !== null && isBuiltInStatus(status))) return "completed"
  return branchesOf(state).some(({ status }) => status === "failed") ? "failed" : "completed"
}

function reject(state: ExecutionState, rejected: RejectionCode): Transition {
  return { state, effects: [], rejected }
}

/** The events, as (service, event), that could still move an execution: it must be told of these. */
export function awaitedEvents(state: ExecutionState): { task: number; service: string; event: string }[] {
  if (isFinished(state) || state.cancelling || state.status === "created") return []
  const awaited: { task: number; service: string; event: string }[] = []
  for (const [task, { wait }] of state.definition.tasks.entries()) {
    if (wait === null) continue
    const record = state.tasks[task]!
    const open = record.state === "idle" || (record.state === "ready" && !record.opened)
    if (open) awaited.push({ task, service: wait.service, event: wait.event })
  }
  return awaited
}

/** Whether a task has all but its event, and that may be this one. */
export function isWaitingFor(state: ExecutionState, { service, event }: Event): boolean {
  return awaitedEvents(state).some(
    (awaited) => awaited.service === service && awaited.event === event && state.tasks[awaited.task]!.state === "ready",
  )
}

/**
 * The conditions that decide whether an event moves the execution as it is: where none of them holds it stays as it is.
 * @returns null where it moves it in any case, or is kept, or comes behind others that are kept
 */
export function conditionsOn(state: ExecutionState, { service, event }: Event): readonly string[] | null {
  const conditions: string[] = []
  for (const awaited of awaitedEvents(state)) {
    if (awaited.service !== service || awaited.event !== event) continue
    const { state: at, judging, kept } = state.tasks[awaited.task]!
    const { where } = state.definition.tasks[awaited.task]!.wait!
    if (at !== "ready" || judging || kept.length > 0 || where === null) return null
    conditions.push(where)
  }
  return conditions
}

/**
 * Whether an event has left the execution as it was, once every condition on it was judged: then it is no part of its
 * history. What finds no place among the kept events is none either. Rule: docs/spec/events.md#those-that-wait
 */
export function isUnmoved(before: ExecutionState, after: ExecutionState): boolean {
  return after.tasks.every((task, index) => {
    const { state, opened, kept } = before.tasks[index]!
    return task.state === state && task.opened === opened && task.kept.length === kept.length && !task.judging
  })
}

/** What a runner needs to create an execution: bound to its event and the id it was given. */
export function triggeredInput(
  execution: ExecutionId,
  event: Event,
  atMs: number,
  options: { held?: boolean; retryOf?: ExecutionId | null } = {},
): Input & { kind: "triggered" } {
  return { kind: "triggered", atMs, execution, event, held: options.held ?? false, retryOf: options.retryOf ?? null }
}
