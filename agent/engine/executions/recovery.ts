import type { Input } from "../../core/execution/input.ts"
import { pendingWork } from "../../core/execution/pending.ts"
import type { EnginePorts } from "../ports.ts"
import type { Tasks } from "../tasks/tasks.ts"
import type { ExecutionBook } from "./executions.ts"
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
    for (const task of interrupted) settleInterrupted(ports, book, tasks, live, task)
  }
}

/** An effect that may have happened is asked about, never silently repeated. */
function settleInterrupted(ports: EnginePorts, book: ExecutionBook, tasks: Tasks, live: Live, task: number): void {
  const definition = live.pinned.definition.tasks[task]!
  const { attempts, inputs } = live.state!.tasks[task]!
  const interrupted = (outcome: "known" | "unknown"): Input => ({
    kind: "attempt-failed",
    atMs: ports.clock.now(),
    task,
    attempt: attempts,
    cause: "interrupted",
    code: "INTERRUPTED",
    message: `the Core stopped while task "${definition.name}" ran`,
    outcome,
  })
  if (definition.effect !== "effectful") {
    book.feedInBackground(live, [interrupted("unknown")])
    return
  }
  const attempt = book.runner.attempt(live, task, inputs ?? null)
  tasks.recover(attempt).then(
    (answer) => {
      if (answer.kind === "result") {
        const { status, data } = answer
        book.runner.endInBackground(live, task, attempts, { kind: "result", status, data })
      } else book.feedInBackground(live, [interrupted(answer.kind === "not-done" ? "known" : "unknown")])
    },
    (error) => {
      ports.log.warn("a service could not be asked what became of a task", {
        execution: attempt.execution,
        error: String(error),
      })
      book.feedInBackground(live, [interrupted("unknown")])
    },
  )
}
