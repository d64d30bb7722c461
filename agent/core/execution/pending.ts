import type { ExecutionState } from "./state.ts"

/**
 * What was going on in an execution that a restart interrupted: found in its state alone.
 * Evaluations are never among it: their answers stand in the same step as what asked for them.
 */
export interface PendingWork {
  /** Tasks that want a Core and have none yet. */
  readonly startable: readonly number[]
  /** Attempts that were under way here; nobody knows how far they came. */
  readonly interrupted: readonly number[]
}

export function pendingWork(state: ExecutionState): PendingWork {
  const where = (test: (task: ExecutionState["tasks"][number]) => boolean) =>
    state.tasks.flatMap((task, index) => (test(task) ? [index] : []))
  return {
    startable: where((task) => task.state === "created" && task.dueMs === null),
    interrupted: where((task) => task.state === "assigned" || task.state === "started"),
  }
}

/** @returns when the next wait times out or retry is due, ms since epoch; null where none is */
export function nextDueMs(state: ExecutionState): number | null {
  let next: number | null = null
  for (const { dueMs } of state.tasks) if (dueMs !== null && (next === null || dueMs < next)) next = dueMs
  return next
}
