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
  return operation.id === "system.doctor" && (body as { ok: boolean }).ok !== true ? EXIT.failed : EXIT.ok
}
