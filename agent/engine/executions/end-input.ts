import type { Input } from "../../core/execution/input.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { AttemptEnd } from "../tasks/tasks.ts"

/** The end of an attempt as the state machine takes it. Data that breaks its status's schema counts as `error`. */
export function endInput(pinned: PinnedWorkflow, task: number, attempt: number, end: AttemptEnd, atMs: number): Input {
  if (end.kind === "failed") {
    const { cause, code, message, outcome } = end
    return { kind: "attempt-failed", atMs, task, attempt, cause, code, message, outcome }
  }
  const [issue] = pinned.checkResult(task, end.status, end.data)
  if (issue === undefined) return { kind: "result", atMs, task, status: end.status, data: end.data }
  const message = `status "${end.status}", data${issue.path}: ${issue.message}`
  return { kind: "result", atMs, task, status: "error", data: { code: "RESULT_INVALID", message } }
}
