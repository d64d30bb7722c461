import { pendingWork } from "../../core/execution/pending.ts"
import type { EnginePorts } from "../ports.ts"
import type { Tasks } from "../tasks/tasks.ts"
import type { ExecutionBook } from "./executions.ts"
import { settleInterrupted } from "./interrupted.ts"
import { Journal } from "./journal.ts"
import { Live } from "./live.ts"

/** Puts every unfinished execution back into memory. Nothing acts yet. @returns them, oldest first */
export function restoreExecutions(book: ExecutionBook): Live[] {
  const lives: Live[] = []
  for (const { open, state, pinned } of book.archive.unfinished(book.runner.log)) {
    const live = new Live(open.id, open.pin, pinned, Journal.resume(book.runner.log, open))
    live.state = state
    live.durable = state
    book.runner.restore(live)
    book.overlaps.add(live, state?.status === "created")
    lives.push(live)
  }
  return lives
}

/** Goes on from the last recorded transition: starts what wants to start, settles what was interrupted. */
export function resumeExecutions(ports: EnginePorts, book: ExecutionBook, tasks: Tasks, lives: readonly Live[]): void {
  for (const live of book.overlaps.released()) {
    book.feedInBackground(live, [{ kind: "released", atMs: ports.clock.now() }])
  }
  for (const live of lives) {
    if (live.state === null) continue
    const { startable, interrupted } = pendingWork(live.state)
    for (const task of startable) book.runner.start(live, task)
    for (const task of interrupted) {
      const attempt = live.state.tasks[task]!.attempts
      settleInterrupted(ports, book.runner, tasks, { live, task, attempt, by: "Core", outcome: "unknown" })
    }
  }
}
