import type { BranchStatus } from "../../schema/execution.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import type { WorkflowDefinition } from "../workflow/definition.ts"
import { type ExecutionState, hasEnded, isRunning, type TaskRecord } from "./state.ts"

/** One branch and how it stands. `remaining`: its unfinished tasks in order. */
export interface Branch {
  readonly path: readonly number[]
  readonly status: BranchStatus
  readonly remaining: readonly number[]
}

/** @returns every branch of the execution, in the definition's order. See docs/spec/workflow.md#branches */
export function branchesOf(state: ExecutionState): Branch[] {
  const startable = canStart(state)
  return state.definition.branches.map((path) => {
    const status = statusOf(state, path, startable)
    const over = status === "completed" || status === "failed" || status === "not-taken" || status === "cancelled"
    return { path, status, remaining: over ? [] : path.filter((task) => !hasEnded(state.tasks[task]!)) }
  })
}

/** Walks the path from the first task until a task tells how the branch stands. */
function statusOf(state: ExecutionState, path: readonly number[], startable: readonly boolean[]): BranchStatus {
  const { definition, tasks, status } = state
  const cancelled = status === "cancelled"
  for (let step = 0; step < path.length; step++) {
    const index = path[step]!
    const task = tasks[index]!
    if (isRunning(task)) return "running"
    if (!hasEnded(task)) {
      if (task.state === "ready") return state.cancelling ? "cancelled" : "waiting"
      if (!startable[index]) return "not-taken"
      return cancelled ? "cancelled" : "pending"
    }
    const ended = task.status!
    const next = path[step + 1]
    const leadsOn =
      next !== undefined && definition.tasks[next]!.after.some((edge) => edge.task === index && edge.status === ended)
    if (leadsOn) continue
    if (next !== undefined && isFollowed(definition, index, ended)) return "not-taken"
    return endStatus(ended, state.cancelling)
  }
  return "completed"
}

function endStatus(status: string, cancelling: boolean): BranchStatus {
  if (!isBuiltInStatus(status)) return "completed"
  return status === "cancelled" && cancelling ? "cancelled" : "failed"
}

function isFollowed(definition: WorkflowDefinition, task: number, status: string): boolean {
  return definition.tasks.some(({ after }) => after.some((edge) => edge.task === task && edge.status === status))
}

/**
 * Per task, whether it can still start: its statuses can still come together.
 * Once an execution has ended, "can" means: it could have, had it gone on.
 */
function canStart({ definition, tasks }: ExecutionState): boolean[] {
  const known: boolean[] = []
  const reachable = (edge: { task: number; status: string }): boolean => {
    const parent = tasks[edge.task]!
    return hasEnded(parent) ? parent.status === edge.status : parent.state !== "idle" || answer(edge.task)
  }
  const answer = (index: number): boolean => {
    const { after, join } = definition.tasks[index]!
    return (known[index] ??= after.length === 0 || (join === "all" ? after.every(reachable) : after.some(reachable)))
  }
  return tasks.map((_, index) => answer(index))
}

/** Whether the statuses that a task follows are there. Paper, Rules 2. */
export function statusesMet(definition: WorkflowDefinition, tasks: readonly TaskRecord[], index: number): boolean {
  const { after, join } = definition.tasks[index]!
  const met = (edge: { task: number; status: string }) => tasks[edge.task]!.status === edge.status
  return join === "all" ? after.every(met) : after.some(met)
}
