import type { ExecutionId } from "../../base/ids.ts"
import type { Event } from "../../schema/event.ts"
import type { ExecutionStatus, TaskState } from "../../schema/execution.ts"
import type { Json } from "../../schema/json.ts"
import type { WorkflowDefinition } from "../workflow/definition.ts"

/** One execution of a workflow, derived from its inputs alone: replaying them gives this state again. */
export interface ExecutionState {
  readonly id: ExecutionId
  readonly definition: WorkflowDefinition
  readonly status: ExecutionStatus
  readonly trigger: Event
  readonly retryOf: ExecutionId | null
  /** By the definition's index. */
  readonly tasks: readonly TaskRecord[]
  /** How many external events have arrived: numbers the kept ones. */
  readonly arrived: number
  /** A cancellation was asked for: no wait and no new attempt begins. */
  readonly cancelling: boolean
  /** The output of a public application that was reached first, as an index into `definition.outputs`. */
  readonly output: number | null
  readonly startedMs: number | null
  readonly finishedMs: number | null
}

export interface TaskRecord {
  readonly state: TaskState
  /** Attempts begun. */
  readonly attempts: number
  /** Those of them that ended with the Core. */
  readonly interruptions: number
  /** The Core it is assigned to. */
  readonly core: string | null
  /** Evaluated inputs, once they are. */
  readonly inputs: Json | undefined
  /** The status it ended in, declared or built in. */
  readonly status: string | null
  readonly data: Json
  /** When a wait times out or the next attempt is due, ms since epoch. */
  readonly dueMs: number | null
  /** Whether the statuses are there and the awaited event, if any, was found: only its inputs are still missing. */
  readonly opened: boolean
  /** The awaited event that opened it. */
  readonly event: Event | null
  /** Events that may satisfy its wait, oldest first, and how many did not fit any more. */
  readonly kept: readonly KeptEvent[]
  readonly keptOverflow: number
  /** A kept event is being judged by the wait's `where`. */
  readonly judging: boolean
  readonly startedMs: number | null
  readonly finishedMs: number | null
}

export interface KeptEvent {
  readonly number: number
  readonly event: Event
}

export const IDLE_TASK: TaskRecord = {
  state: "idle",
  attempts: 0,
  interruptions: 0,
  core: null,
  inputs: undefined,
  status: null,
  data: null,
  dueMs: null,
  opened: false,
  event: null,
  kept: [],
  keptOverflow: 0,
  judging: false,
  startedMs: null,
  finishedMs: null,
}

const ENDED: readonly TaskState[] = ["succeeded", "failed", "timed-out", "cancelled"]

export function hasEnded(task: TaskRecord): boolean {
  return ENDED.includes(task.state)
}

/** Whether work is going on for the task here or elsewhere, or is about to: not idle, not waiting for an event, not ended. */
export function isRunning(task: TaskRecord): boolean {
  return task.state === "ready" ? task.opened : task.state !== "idle" && !hasEnded(task)
}

export function isFinished(state: ExecutionState): boolean {
  return state.status === "completed" || state.status === "failed" || state.status === "cancelled"
}
