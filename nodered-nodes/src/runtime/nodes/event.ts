import { parseDuration } from "../../../../agent/base/duration.ts"
import { textOf } from "../../flow/raw.ts"
import { nodeKind } from "../../flow/nodes.ts"
import { matches } from "../inline/inputs.ts"
import { eventMessage } from "../inline/scope.ts"
import { Thinning } from "../inline/thinning.ts"
import type { EventItem } from "../api/shapes.ts"
import type { NodeConfig, RedNode } from "../red.ts"
import { agentConnection } from "./agent.ts"
import type { NodeContext } from "./context.ts"
import { showStanding } from "./status.ts"

/** `mesg-event` and the generated nodes of events: inline, a message for each occurrence. */
export function registerEventNode(context: NodeContext, type: string): void {
  context.red.nodes.registerType(type, function (config: NodeConfig) {
    context.red.nodes.createNode(this, config)
    startEventNode(context, this, config)
  })
}

function startEventNode(context: NodeContext, node: RedNode, config: NodeConfig): void {
  context.live.add(node)
  const kind = nodeKind(config.type)
  const fixed = kind?.kind === "event" ? kind : { service: undefined, event: undefined }
  const service = fixed.service ?? textOf(config, "service")
  const event = fixed.event ?? textOf(config, "event")
  const where = textOf(config, "where").trim()
  const connection = agentConnection(context.red, context.connections, textOf(config, "agent"))
  let isClosed = false
  const isInline = () => context.roleOf(node) === "inline"

  const durationOf = (property: string) => {
    const text = textOf(config, property).trim()
    const durationMs = parseDuration(text)
    if (text !== "" && durationMs === null) node.error(`${property}: ${context.red._("mesg.validation.duration")}`)
    return durationMs
  }
  const thinning = new Thinning(durationOf("debounce"), durationOf("throttle"), (message) => {
    node.send(message)
    node.status({ fill: "green", shape: "dot", text: new Date().toLocaleTimeString() })
  })
  const occurred = async (item: EventItem) => {
    if (item.service !== service || item.event !== event || !isInline()) return
    const message = eventMessage(item)
    if ((await matches(context.red, node, where, message, item)) && !isClosed) thinning.take(message)
  }
  const ends = [
    connection.on("event", (item) => {
      occurred(item).catch((error: unknown) => node.error(error))
    }),
    showStanding(context, node, config, connection),
  ]
  node.on("close", (_removed, done) => {
    for (const end of ends) end()
    isClosed = true
    thinning.close()
    done()
  })
}
