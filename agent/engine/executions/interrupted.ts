import type { Input } from "../../core/execution/input.ts"
import type { EnginePorts } from "../ports.ts"
import type { Tasks } from "../tasks/tasks.ts"
import type { Live } from "./live.ts"
import type { Runner } from "./runner.ts"

/** An attempt that was under way, or about to be, when what ran it was stopped. */
export interface Interruption {
  readonly live: Live
  readonly task: number
  readonly attempt: number
  /** What was stopped. */
  readonly by: "Core" | "service"
  /** `known`: the attempt never reached its service. */
  readonly outcome: "known" | "unknown"
}

/** An effect that may have happened is asked about, never silently repeated. See docs/spec/execution.md#after-a-restart */
export function settleInterrupted(ports: EnginePorts, runner: Runner, tasks: Tasks, what: Interruption): void {
  const { live, task, attempt: number } = what
  const definition = live.pinned.definition.tasks[task]!
  const interrupted = (outcome: "known" | "unknown"): Input => ({
    kind: "attempt-failed",
    atMs: ports.clock.now(),
    task,
    attempt: number,
    cause: "interrupted",
    code: "INTERRUPTED",
    message: `the ${what.by} stopped while task "${definition.name}" ran`,
    outcome,
  })
  if (definition.effect !== "effectful" || what.outcome === "known") {
    runner.feedInBackground(live, [interrupted(what.outcome)])
    return
  }
  const attempt = runner.attempt(live, task, live.state!.tasks[task]!.inputs ?? null)
  tasks.recover(attempt).then(
    (answer) => {
      if (answer.kind === "result") {
        const { status, data } = answer
        runner.endInBackground(live, task, number, { kind: "result", status, data })
      } else runner.feedInBackground(live, [interrupted(answer.kind === "not-done" ? "known" : "unknown")])
    },
    (error) => {
      ports.log.warn("a service could not be asked what became of a task", {
        execution: attempt.execution,
        error: String(error),
      })
      runner.feedInBackground(live, [interrupted("unknown")])
    },
  )
}
