import { taskExecutionId } from "../../base/ids.ts"
import type { Json } from "../../schema/json.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { Attempt } from "../tasks/tasks.ts"
import type { Veils } from "../veils.ts"
import type { Live } from "./live.ts"

/** One attempt as it is handed over: from here on the inputs hold their secrets, and nobody records them any more. */
export function attemptOf(live: Live, task: number, recorded: Json, veils: Veils): Attempt {
  const definition = live.pinned.definition.tasks[task]!
  const { run } = definition
  const execution = taskExecutionId(live.id, definition.name)
  const revealed = live.pinned.reveal(task, recorded)
  if (!revealed.ok) return { execution, definition, inputs: recorded, blocked: secretLost(revealed.setting) }
  const { inputs, secrets } = revealed
  if ("service" in run) for (const secret of secrets) veils.cover(run.service, secret)
  return { execution, definition, inputs, ...(secrets.length > 0 ? { isSecret: true } : {}) }
}

/** After a restart: what a service was given before it may have kept, and give back. */
export function coverSecrets({ definition, secrets }: PinnedWorkflow, veils: Veils): void {
  for (const [task, { run }] of definition.tasks.entries()) {
    if ("service" in run) for (const secret of secrets(task)) veils.cover(run.service, secret)
  }
}

/** Why a task cannot have its inputs. */
export function secretLost(setting: string): { code: string; message: string } {
  const message = `secret "${setting}" was sealed under the key of another home: deploy the application again with it`
  return { code: "SECRET_LOST", message }
}
