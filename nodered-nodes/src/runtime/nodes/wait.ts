import { textOf } from "../../flow/raw.ts"
import { parseDuration } from "../../../../agent/base/duration.ts"
import type { EventItem } from "../api/shapes.ts"
import { jsonata } from "../inline/inputs.ts"
import { after } from "../inline/long-timer.ts"
import { awaitedMessage, scopeOf } from "../inline/scope.ts"
import { WAITS_MAX } from "../limits.ts"
import type { Done, Message, NodeConfig, RedNode, Send } from "../red.ts"
import { connectionOf } from "./agent.ts"
import type { NodeContext } from "./context.ts"
import { showConnection } from "./status.ts"

interface Waiting {
  readonly message: Message
  readonly send: Send
  readonly done: Done
  readonly endTimer: () => void
}

/** `mesg-wait`: inline, each message waits for the next event that matches it. In memory: compiled, the agent waits. */
export function registerWaitNode(context: NodeContext): void {
  context.red.nodes.registerType("mesg-wait", function (config: NodeConfig) {
    context.red.nodes.createNode(this, config)
    startWaitNode(context, this, config)
  })
}

function startWaitNode({ red, connections, live, roleOf }: NodeContext, node: RedNode, config: NodeConfig): void {
  live.add(node)
  const service = textOf(config, "service")
  const event = textOf(config, "event")
  const where = textOf(config, "where").trim()
  const timeout = textOf(config, "timeout").trim()
  const timeoutMs = timeout === "" ? null : parseDuration(timeout)
  const waiting = new Set<Waiting>()
  const { connection, release } = connectionOf(red, connections, config)
  const show = () => {
    if (waiting.size === 0) return node.status({})
    node.status({ fill: "yellow", shape: "ring", text: red._("mesg.status.waiting", { count: waiting.size }) })
  }
  const settle = (wait: Waiting, messages: (Message | null)[]) => {
    if (!waiting.delete(wait)) return
    wait.endTimer()
    wait.send(messages)
    wait.done()
    show()
  }
  const occurred = async (item: EventItem) => {
    if (item.service !== service || item.event !== event) return
    for (const wait of [...waiting]) {
      const scope = { ...scopeOf(wait.message), event: item, data: item.data }
      if (where !== "" && (await jsonata(red, node, where, scope)) !== true) continue
      settle(wait, [awaitedMessage(wait.message, item), null])
    }
  }
  const ends = [
    connection.on("event", (item) => {
      occurred(item).catch((error: unknown) => node.error(error))
    }),
    showConnection(red, node, connection, () => roleOf(node) === "inline"),
  ]
  node.on("input", (message, send, done) => {
    if (waiting.size >= WAITS_MAX) return done(new Error(red._("mesg.error.too-many-waits", { count: WAITS_MAX })))
    const passed = () => settle(wait, [null, Object.assign(message, { status: "timed-out" })])
    const endTimer = timeoutMs === null ? () => {} : after(timeoutMs, passed)
    const wait: Waiting = { message, send, done, endTimer }
    waiting.add(wait)
    show()
  })
  node.on("close", (_removed, done) => {
    for (const end of ends) end()
    for (const { endTimer, done: given } of waiting) {
      endTimer()
      given()
    }
    waiting.clear()
    release().then(() => done(), done)
  })
}
