import { type PendingWork, pendingWork } from "../../core/execution/pending.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import type { EnginePorts } from "../ports.ts"
import type { Tasks } from "../tasks/tasks.ts"
import type { ExecutionBook } from "./executions.ts"
import { settleInterrupted } from "./interrupted.ts"
import { Journal } from "./journal.ts"
import { Live } from "./live.ts"

/** An execution that has not ended, and what was going on in it when the agent went. */
export interface Unfinished extends PendingWork {
  readonly live: Live
  /** As the store had it: until it is taken up services start, and what they say may move it. */
  readonly left: ExecutionState
}

/** Puts every unfinished execution back into memory. Nothing acts yet. @returns them, oldest first */
export function restoreExecutions(book: ExecutionBook): Unfinished[] {
  const unfinished: Unfinished[] = []
  for (const { open, state, pinned } of book.archive.unfinished(book.runner.log)) {
    const live = new Live(open.id, open.pin, pinned, Journal.resume(book.runner.log, open))
    live.state = state
    live.durable = state
    book.runner.restore(live)
    book.overlaps.add(live, state?.status === "created")
    if (state !== null) unfinished.push({ live, left: state, ...pendingWork(state) })
  }
  return unfinished
}

/**
 * Goes on from the last recorded transition: starts what wants to start, settles what was interrupted. A task that has
 * moved since is no matter of the last run any more.
 */
export function resumeExecutions(
  ports: EnginePorts,
  book: ExecutionBook,
  tasks: Tasks,
  unfinished: readonly Unfinished[],
): void {
  for (const live of book.overlaps.released()) {
    book.feedInBackground(live, [{ kind: "released", atMs: ports.clock.now() }])
  }
  for (const { live, left, startable, interrupted } of unfinished) {
    book.runner.resume(live)
    // As it begins each is asked whether it is still wanted.
    for (const task of startable) book.runner.start(live, task)
    for (const task of interrupted) {
      if (live.state!.tasks[task] !== left.tasks[task]) continue
      const attempt = left.tasks[task]!.attempts
      settleInterrupted(ports, book.runner, tasks, { live, task, attempt, by: "Core", outcome: "unknown" })
    }
  }
}
