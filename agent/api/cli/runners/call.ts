import { callAgent } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { EXIT } from "../error.ts"
import { render } from "../render/render.ts"
import { requestOf } from "../values.ts"

/** One request; its answer as JSON or for a person. */
export async function runCall({ chosen, terminal, endpoint }: RunnerContext): Promise<number> {
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const { operation, command } = chosen.entry
  const request = requestOf(operation, chosen.typed, command.fixed ?? {})
  const { body } = await callAgent(endpoint(), request)
  // What answers with nothing says so in one value too.
  if (chosen.json) terminal.out(`${JSON.stringify(body ?? { ok: true })}\n`)
  else terminal.out(await render(operation.id, body, terminal))
  return (await isWell(operation.id, body)) ? EXIT.ok : EXIT.failed
}

/** Whether what was asked for came to a good end; what still goes on has not failed. */
async function isWell(operation: string, body: unknown): Promise<boolean> {
  const { ok, state, status } = (body ?? {}) as { ok?: boolean; state?: string; status?: string }
  if (operation === "system.doctor") return ok === true
  if (operation === "service.add" || operation === "service.configure") return state !== "failed"
  if (operation.startsWith("transaction.")) return state !== "failed"
  if (operation !== "service.call" || status === undefined) return true
  // The schemas are loaded for who waited for a task, and for nobody else.
  const { isBuiltInStatus } = await import("../../../schema/names.ts")
  return !isBuiltInStatus(status)
}
