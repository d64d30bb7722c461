import type { AddressInfo } from "node:net"
import { Connections } from "./agent/connections.ts"
import { Deployment } from "./deploy/deployment.ts"
import { registerAgentNode, registerSettingsNode } from "./nodes/agent.ts"
import { registerApplicationNode } from "./nodes/application.ts"
import type { NodeContext } from "./nodes/context.ts"
import { registerEventNode } from "./nodes/event.ts"
import { registerTaskNode } from "./nodes/task.ts"
import { registerWaitNode } from "./nodes/wait.ts"
import { Palette } from "./palette/palette.ts"
import { PanelTicker } from "./panel/ticker.ts"
import type { Red } from "./red.ts"

/** What Node-RED calls when it loads this package. */
export function mesg(red: Red): void {
  const connections = new Connections((text) => red.log.warn(`mesg: ${text}`))
  const palette = new Palette(red)
  const ticker = new PanelTicker(red)
  const deployment = new Deployment(red, connections, palette, ticker.changed)
  const context: NodeContext = {
    red,
    connections,
    live: deployment.live,
    roleOf: (node) => deployment.roleOf(node),
  }

  // An editor gets the palette with its settings, before it loads nodes: a type must be there before the flows are.
  const settings = {
    mesgAgentPalette: {
      exportable: true,
      get value() {
        return palette.view()
      },
    },
  }
  registerAgentNode(red, connections, settings)
  registerSettingsNode(red)
  registerEventNode(context, "mesg-event")
  registerTaskNode(context, "mesg-task")
  registerWaitNode(context)
  registerApplicationNode(context)
  palette.start({
    task: (type) => registerTaskNode(context, type),
    event: (type) => registerEventNode(context, type),
  })

  connections.onOpened((connection) => {
    palette.follow(connection)
    connection.on("state", (problem) => {
      ticker.changed()
      if (problem !== null) return
      red.log.info(`mesg: ${red._("mesg.log.connected")}`)
      deployment.retry()
    })
  })
  // The agent of this machine, so that its services are in the palette before a node names it.
  connections.acquire({ url: "", token: "" })

  red.httpAdmin.get("/mesg/palette", red.auth.needsPermission("nodes.read"), (_request, response) => {
    response.set("Cache-Control", "no-store").json(palette.view())
  })
  red.httpAdmin.get("/mesg/panel", red.auth.needsPermission("flows.read"), (_request, response) => {
    response.set("Cache-Control", "no-store").json(deployment.view())
  })
  if (red.settings.mesgAgent === true) tellAgent(red)
  palette.onChanged = () => deployment.retry()
  red.events.on("flows:stopping", () => deployment.stopping())
  red.events.on("flows:started", ({ config }) => {
    palette.keepUsed(new Set(config.flows.map(({ type }) => type)))
    deployment.started(config.flows)
  })
}

/** The agent that runs this Node-RED hears where its editor is. */
function tellAgent({ server, settings }: Red): void {
  server.once("listening", () => {
    const { address, port } = server.address() as AddressInfo
    const host = address.includes(":") ? `[${address}]` : address
    process.send?.({ url: `http://${host}:${port}${settings.httpAdminRoot ?? "/"}` })
  })
}
