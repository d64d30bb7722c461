import { messageOf } from "../../../agent/base/errors.ts"
import type { TestAgent } from "../../support/agent.ts"
import { until } from "../../support/until.ts"
import { allExecutions, auditEffects, auditExecutions, auditHistories, type Findings } from "./audit.ts"
import type { Load } from "./load.ts"

interface Status {
  readonly executions: { readonly running: number; readonly waiting: number }
}

export async function statusOf(agent: TestAgent): Promise<Status["executions"]> {
  return ((await (await agent.api("GET", "/status")).json()) as Status).executions
}

/**
 * Lets the load run out, waits for every execution's end, stops the agent and looks at everything that is left.
 * @param prunes there was so little room that ended executions may have been removed
 */
export async function finishAndAudit(
  load: Load,
  agent: TestAgent,
  timeoutMs = 120_000,
  prunes = false,
): Promise<Findings> {
  load.moved(agent)
  const findings: string[] = []
  const note = (error: unknown) => findings.push(messageOf(error))
  await within(load.finish(), timeoutMs, "the answers to all events").catch(note)
  const ended = async () => {
    const { running, waiting } = await statusOf(agent)
    return running === 0 && waiting === 0
  }
  await until(ended, timeoutMs, "the end of all executions").catch(note)
  const executions = await allExecutions(agent)
  const { sent, accepted } = load.ledger
  console.log(
    `      ${sent.length} events sent, ${accepted} accepted, ${executions.length} executions, ${load.sink.calls.size} effects`,
  )
  findings.push(
    ...auditExecutions(load.ledger, executions, prunes ? load.sink : undefined),
    ...auditEffects(load.ledger, executions, load.sink),
  )
  const code = await agent.stop()
  if (code !== 0) return [...findings, `the agent stopped with ${code}: ${agent.output()}`]
  return [...findings, ...(await auditHistories(agent.home))]
}

async function within(work: Promise<void>, timeoutMs: number, what: string): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what} did not come within ${timeoutMs} ms`)), timeoutMs)
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
