import * as v from "valibot"
import { ExecutionIdSchema } from "./names.ts"

/** How a workflow execution stands. */
export const EXECUTION_STATUSES = ["created", "running", "waiting", "completed", "failed", "cancelled"] as const
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number]

/** How one branch of an execution stands. Paper, Rules: every branch has a status. */
export const BRANCH_STATUSES = [
  "running",
  "waiting",
  "pending",
  "completed",
  "failed",
  "not-taken",
  "cancelled",
] as const
export type BranchStatus = (typeof BRANCH_STATUSES)[number]

/** How one task of an execution stands. */
export const TASK_STATES = [
  "idle", // no status has led here yet
  "ready", // the statuses are there; an awaited event, or the evaluation of its inputs, is not
  "created",
  "assigned",
  "started",
  "submitted",
  "verified",
  "succeeded",
  "failed",
  "timed-out",
  "cancelled",
] as const
export type TaskState = (typeof TASK_STATES)[number]

const Time = v.nullable(v.pipe(v.string(), v.isoTimestamp()))

/** An execution as the API, the CLI, the MQTT feed and the SDK show it. Times are ISO 8601. */
export const ExecutionViewSchema = v.object({
  id: ExecutionIdSchema,
  app: v.string(),
  workflow: v.string(),
  version: v.number(),
  status: v.picklist(EXECUTION_STATUSES),
  trigger: v.object({ service: v.string(), event: v.string(), data: v.unknown(), id: v.nullable(v.string()) }),
  started: Time,
  finished: Time,
  branches: v.array(
    v.object({
      path: v.array(v.string()),
      status: v.picklist(BRANCH_STATUSES),
      remaining: v.array(v.string()),
    }),
  ),
  tasks: v.record(
    v.string(),
    v.object({
      state: v.picklist(TASK_STATES),
      status: v.nullable(v.string()),
      data: v.unknown(),
      attempts: v.number(),
      started: Time,
      finished: Time,
    }),
  ),
  /** The execution this one retries, if any. */
  retryOf: v.nullable(v.string()),
})
export type ExecutionView = v.InferOutput<typeof ExecutionViewSchema>

/** One durable change of an execution, oldest first in `execution show`. */
export const TransitionViewSchema = v.object({
  seq: v.number(),
  time: v.pipe(v.string(), v.isoTimestamp()),
  core: v.string(),
  kind: v.string(),
  task: v.nullable(v.string()),
  detail: v.unknown(),
})
export type TransitionView = v.InferOutput<typeof TransitionViewSchema>
