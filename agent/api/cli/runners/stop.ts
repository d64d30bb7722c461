import { CLI_STOP_TIMEOUT_MS } from "../../../base/limits.ts"
import { callAgent } from "../client.ts"
import type { RunnerContext } from "../runner.ts"
import { CliError, EXIT } from "../error.ts"
import { requestOf } from "../values.ts"

const LOOK_EVERY_MS = 20

/** Asks the agent to stop, and waits until its process is gone. */
export async function runStop({ chosen, terminal, endpoint, signal }: RunnerContext): Promise<number> {
  if (chosen.entry.kind !== "agent") return EXIT.usage
  const agent = endpoint()
  await callAgent(agent, requestOf(chosen.entry.operation, chosen.typed, {}))
  if (agent.pid !== null) await waitUntilGone(agent.pid, signal)
  terminal.out(chosen.json ? '{"stopped":true}\n' : "stopped\n")
  return EXIT.ok
}

/** A process that is not our child tells nobody when it ends, so this looks. */
async function waitUntilGone(pid: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: wait } = await import("node:timers/promises")
  for (let waitedMs = 0; isAlive(pid); waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= CLI_STOP_TIMEOUT_MS) {
      throw new CliError(
        { code: "AGENT_UNREACHABLE" },
        `process ${pid} has not ended in ${CLI_STOP_TIMEOUT_MS / 1000} s`,
        {
          remedy: "see `mesg logs`; as a last resort kill it, nothing accepted is lost",
        },
      )
    }
    await wait(LOOK_EVERY_MS, undefined, { signal })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
