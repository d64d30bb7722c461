import type { AddressInfo } from "node:net"
import type { Catalogue } from "../flow/catalogue.ts"
import { isMap, textOf } from "../flow/raw.ts"
import { Connections } from "./agent/connections.ts"
import { errorText } from "./api/agent-error.ts"
import { Deployment } from "./deploy/deployment.ts"
import { agentAddresses, agentConnection, registerAgentNode, registerSettingsNode } from "./nodes/agent.ts"
import { registerApplicationNode } from "./nodes/application.ts"
import type { NodeContext } from "./nodes/context.ts"
import { registerEventNode } from "./nodes/event.ts"
import { registerServiceEventNode } from "./nodes/service-event.ts"
import { registerServiceResultNode } from "./nodes/service-result.ts"
import { registerServiceTaskNode } from "./nodes/service-task.ts"
import { registerTaskNode } from "./nodes/task.ts"
import { registerWaitNode } from "./nodes/wait.ts"
import { Applications } from "./palette/applications.ts"
import { Palette } from "./palette/palette.ts"
import { ShownPalette } from "./palette/shown.ts"
import { PanelTicker } from "./panel/ticker.ts"
import type { Red } from "./red.ts"
import { exportApplications, importApplication } from "./transfer/transfer.ts"
import { FlowServices } from "./services/flow-services.ts"

/** What Node-RED calls when it loads this package. */
export function mesg(red: Red): void {
  const connections = new Connections((text) => red.log.warn(`mesg: ${text}`))
  const palette = new Palette(red)
  const applications = new Applications(red)
  const shown = new ShownPalette(red, palette, applications)
  const catalogue: Catalogue = {
    manifest: (id) => palette.manifest(id),
    application: (name, agent) => applications.get(name, agent),
  }
  const ticker = new PanelTicker(red)
  const deployment = new Deployment(red, connections, catalogue, ticker.changed)
  const services = new FlowServices(red, connections, deployment.live)
  const context: NodeContext = {
    red,
    connections,
    live: deployment.live,
    roleOf: (node) => deployment.roleOf(node),
    inlineOf: (node) => deployment.inlineOf(node),
  }

  // An editor gets the palette with its settings, before it loads nodes: a type must be there before the flows are.
  const settings = {
    mesgAgentPalette: {
      exportable: true,
      get value() {
        return shown.view()
      },
    },
  }
  registerAgentNode(red, connections, settings)
  registerSettingsNode(red)
  registerEventNode(context, "mesg-event")
  registerTaskNode(context, "mesg-task")
  registerWaitNode(context)
  registerApplicationNode(context)
  const serviceContext = { red, live: deployment.live, services }
  registerServiceTaskNode(serviceContext)
  registerServiceResultNode(serviceContext)
  registerServiceEventNode(serviceContext)
  palette.start({
    task: (type) => registerTaskNode(context, type),
    event: (type) => registerEventNode(context, type),
  })

  connections.onOpened((connection) => {
    palette.follow(connection)
    applications.follow(connection)
    connection.on("state", (problem) => {
      ticker.changed()
      services.agentChanged(connection)
      if (problem !== null) return
      red.log.info(`mesg: ${red._("mesg.log.connected")}`)
      deployment.retry()
      services.retry()
    })
  })
  // The agent of this machine, so that its services are in the palette before a node names it.
  connections.acquire({ url: "", token: "" })

  red.httpAdmin.get("/mesg/palette", red.auth.needsPermission("nodes.read"), (_request, response) => {
    response.set("Cache-Control", "no-store").json(shown.view())
  })
  red.httpAdmin.get("/mesg/panel", red.auth.needsPermission("flows.read"), (_request, response) => {
    response.set("Cache-Control", "no-store").json(deployment.view())
  })
  if (red.settings.mesgAgent === true) tellAgent(red)
  red.httpAdmin.post("/mesg/export", red.auth.needsPermission("flows.read"), ({ body }, response) => {
    response.json(exportApplications(isMap(body) ? body["flows"] : null, catalogue))
  })
  red.httpAdmin.post("/mesg/import", red.auth.needsPermission("flows.write"), ({ body }, response) => {
    const asked = isMap(body) ? body : {}
    const agent = textOf(asked, "agent")
    // One that is drawn and not deployed yet is not reached.
    const connection =
      agent === "" || red.nodes.getNode(agent) !== null ? agentConnection(red, connections, agent) : null
    importApplication(textOf(asked, "text"), catalogue, connection, agent).then(
      (imported) => response.json(imported),
      (error: unknown) => {
        response.status(502)
        response.json({ message: errorText(error) })
      },
    )
  })
  palette.onChanged = applications.onChanged = () => {
    shown.changed()
    deployment.retry()
  }
  red.events.on("flows:stopping", () => {
    services.stopping()
    deployment.stopping()
  })
  red.events.on("flows:started", ({ config }) => {
    palette.keepUsed(new Set(config.flows.map(({ type }) => type)))
    applications.keepNamed(agentAddresses(red, config.flows))
    deployment.started(config.flows)
    services.started(config.flows)
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
