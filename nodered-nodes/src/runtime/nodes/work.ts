import { taskNameOf } from "../../flow/chain-tasks.ts"
import { BUILT_IN_PORTS } from "../../flow/nodes.ts"
import { textOf, textsOf } from "../../flow/raw.ts"
import { AgentError, errorText } from "../api/agent-error.ts"
import { keyOfNode } from "../deploy/live-nodes.ts"
import { CallKeys } from "../inline/call-keys.ts"
import { type Ended, resultMessage } from "../inline/scope.ts"
import type { Done, Message, NodeConfig, RedNode, Send } from "../red.ts"
import { agentConnection } from "./agent.ts"
import type { NodeContext } from "./context.ts"
import { CountText } from "./count-text.ts"
import { startJoins } from "./joining.ts"
import { showStanding } from "./status.ts"
import type { AgentConnection } from "../agent/connection.ts"

/** How a piece of work ended: in one of the statuses of its node. */
type Outcome = Pick<Ended, "status" | "data" | "execution">

/**
 * Does the work for one message.
 * @param key the same where it is the same work again, so that the agent does it once
 */
type Work = (message: Message, key: string, connection: AgentConnection, signal: AbortSignal) => Promise<Outcome>

/**
 * A node that has one output per status: its messages leave where the work ended. What ends badly, and leads nowhere, is
 * an error for Catch nodes.
 * @param subject name of the task or application
 */
export function startWorkNode(
  context: NodeContext,
  node: RedNode,
  config: NodeConfig,
  subject: string,
  work: Work,
): void {
  context.live.add(node)
  const statuses = textsOf(config["statuses"])
  const keys = new CallKeys(node.id)
  const life = new AbortController()
  const connection = agentConnection(context.red, context.connections, textOf(config, "agent"))
  const runningText = new CountText(context.red, "mesg.status.running")
  let running = 0
  let last: string | null = null
  let isChanged = false
  // Many messages may end in one turn of the loop: what is shown is how it stands then.
  const show = () => {
    if (isChanged) return
    isChanged = true
    setImmediate(() => {
      isChanged = false
      if (!life.signal.aborted) showNow()
    })
  }
  const showNow = () => {
    if (running > 0) node.status({ fill: "blue", shape: "dot", text: runningText.of(running) })
    else if (last !== null) node.status({ fill: isBad(last) ? "red" : "green", shape: "dot", text: last })
  }

  const take = async (message: Message, send: Send, done: Done) => {
    const id = message._msgid ?? context.red.util.generateId()
    const key = keys.next(id)
    running++
    show()
    try {
      const outcome = await work(message, key, connection, life.signal)
      last = outcome.status
      const port = statuses.indexOf(outcome.status)
      const leads = (node.wires[port]?.length ?? 0) > 0
      const name = context.inlineOf(node)?.name ?? taskNameOf(textOf(config, "name"), subject)
      const result = resultMessage(message, { ...outcome, node: keyOfNode(node), name })
      if (port >= 0) send(statuses.map((_, i) => (i === port ? result : null)))
      if (isBad(outcome.status) && !leads) done(new Error(problemOf(outcome)))
      else if (port < 0) done(new Error(context.red._("mesg.error.no-port", { status: outcome.status })))
      else done()
    } catch (error) {
      if (life.signal.aborted) return done()
      if (error instanceof AgentError && error.code === "AGENT_UNREACHABLE") keys.unanswered(id)
      last = "error"
      const isRefused = error instanceof AgentError && error.isTokenRefused
      const { url } = connection
      const text = isRefused ? context.red._("mesg.error.token-refused", { url, why: error.message }) : errorText(error)
      done(Object.assign(new Error(text), { code: (error as { code?: unknown }).code, cause: error }))
    } finally {
      running--
      show()
    }
  }

  const end = showStanding(context, node, config, connection)
  const joins = startJoins(context, node)
  node.on("input", (message, send, done) => {
    const joined = joins.take(message, done)
    if (joined !== null) take(joined.message, send, done).catch((error: unknown) => node.error(error))
  })
  node.on("close", (_removed, done) => {
    joins.close()
    end()
    life.abort(new Error("the node was stopped"))
    done()
  })
}

function isBad(status: string): boolean {
  return (BUILT_IN_PORTS as readonly string[]).includes(status)
}

function problemOf({ status, data }: Outcome): string {
  const { code, message } = (data ?? {}) as { code?: unknown; message?: unknown }
  return [code ?? status, message].filter((word) => typeof word === "string").join(": ")
}
