import { parseDuration } from "../../../../agent/base/duration.ts"
import { textOf } from "../../flow/raw.ts"
import type { EventItem } from "../api/shapes.ts"
import { matches } from "../inline/inputs.ts"
import type { Joined } from "../inline/joins.ts"
import { KeptEvents } from "../inline/kept-events.ts"
import { after } from "../inline/long-timer.ts"
import { awaitedMessage } from "../inline/scope.ts"
import { EVENTS_KEPT_MAX, WAITS_MAX } from "../limits.ts"
import type { Done, Message, NodeConfig, RedNode, Send } from "../red.ts"
import { agentConnection } from "./agent.ts"
import type { NodeContext } from "./context.ts"
import { startJoins } from "./joining.ts"
import { showStanding } from "./status.ts"

interface Waiting {
  readonly message: Message
  readonly send: Send
  readonly done: Done
  readonly endTimer: () => void
  /** To be looked at, in the order they came. */
  readonly events: EventItem[]
  isLooking: boolean
}

/** `mesg-wait`: inline, each message waits for the next event that matches it. In memory: compiled, the agent waits. */
export function registerWaitNode(context: NodeContext): void {
  context.red.nodes.registerType("mesg-wait", function (config: NodeConfig) {
    context.red.nodes.createNode(this, config)
    startWaitNode(context, this, config)
  })
}

function startWaitNode(context: NodeContext, node: RedNode, config: NodeConfig): void {
  const { red, connections, live } = context
  live.add(node)
  const service = textOf(config, "service")
  const event = textOf(config, "event")
  const where = textOf(config, "where").trim()
  const timeout = textOf(config, "timeout").trim()
  const timeoutMs = timeout === "" ? null : parseDuration(timeout)
  const waiting = new Set<Waiting>()
  const kept = new KeptEvents()
  const joins = startJoins(context, node)
  const connection = agentConnection(red, connections, textOf(config, "agent"))
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
  /** The earliest event that matches ends the wait. */
  const look = async (wait: Waiting) => {
    if (wait.isLooking) return
    wait.isLooking = true
    for (let item = wait.events.shift(); item !== undefined && waiting.has(wait); item = wait.events.shift()) {
      if (await matches(red, node, where, wait.message, item)) settle(wait, [awaitedMessage(wait.message, item), null])
    }
    wait.isLooking = false
  }
  const lookAt = (wait: Waiting) => {
    look(wait).catch((error: unknown) => node.error(error))
  }
  const begin = ({ message, sinceMs }: Joined, send: Send, done: Done) => {
    if (timeout !== "" && timeoutMs === null) return done(new Error(red._("mesg.validation.duration")))
    if (waiting.size >= WAITS_MAX) return done(new Error(red._("mesg.error.too-many-waits", { count: WAITS_MAX })))
    const passed = () => settle(wait, [null, Object.assign(message, { status: "timed-out" })])
    const endTimer = timeoutMs === null ? () => {} : after(timeoutMs, passed)
    const wait: Waiting = { message, send, done, endTimer, events: kept.since(message, sinceMs), isLooking: false }
    waiting.add(wait)
    show()
    lookAt(wait)
  }
  const ends = [
    connection.on("event", (item) => {
      if (item.service !== service || item.event !== event) return
      kept.add(item)
      for (const wait of [...waiting]) {
        if (wait.events.length >= EVENTS_KEPT_MAX) continue
        wait.events.push(item)
        lookAt(wait)
      }
    }),
    showStanding(context, node, config, connection),
  ]
  node.on("input", (message, send, done) => {
    const joined = joins.take(message, done)
    if (joined !== null) begin(joined, send, done)
  })
  node.on("close", (_removed, done) => {
    for (const end of ends) end()
    joins.close()
    for (const { endTimer } of waiting) endTimer()
    waiting.clear()
    done()
  })
}
