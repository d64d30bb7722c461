import type { Input } from "../../core/execution/input.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { AttemptEnd } from "../tasks/tasks.ts"
import type { Veils } from "../veils.ts"

/**
 * The end of an attempt as the state machine takes it. Data that breaks its status's schema counts as `error`;
 * secrets that the service gives back are taken out.
 */
export function endInput(
  pinned: PinnedWorkflow,
  task: number,
  attempt: number,
  end: AttemptEnd & { kind: "result" | "failed" },
  atMs: number,
  veils: Veils,
): Input {
  const { run } = pinned.definition.tasks[task]!
  const service = "service" in run ? run.service : ""
  if (end.kind === "failed") {
    const { cause, outcome } = end
    const code = veils.hideInText(service, end.code)
    const message = veils.hideInText(service, end.message)
    return { kind: "attempt-failed", atMs, task, attempt, cause, code, message, outcome }
  }
  const [issue] = pinned.checkResult(task, end.status, end.data)
  if (issue === undefined) {
    const data = veils.hideInData(service, end.data)
    return { kind: "result", atMs, task, status: end.status, data }
  }
  const message = `status "${end.status}", data${issue.path}: ${issue.message}`
  return { kind: "result", atMs, task, status: "error", data: { code: "RESULT_INVALID", message } }
}
