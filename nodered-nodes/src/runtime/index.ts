import type { AddressInfo } from "node:net"
import type { Catalogue } from "../flow/catalogue.ts"
import { isMap, textOf } from "../flow/raw.ts"
import { Connections } from "./agent/connections.ts"
import { errorText } from "./api/agent-error.ts"
import { Deployment } from "./deploy/deployment.ts"
import { LiveNodes } from "./deploy/live-nodes.ts"
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
  const { node } = process.versions
  // npm only warns, and Node-RED 4.1 runs on older ones, where what the agent says cannot be read.
  if (Number.parseInt(node, 10) < NODE_MIN) throw new Error(`@mesg/node-red needs Node ${NODE_MIN}; this is ${node}`)
  const connections = new Connections((text) => red.log.warn(`mesg: ${text}`))
  const palette = new Palette(red)
  const applications = new Applications(red)
  const shown = new ShownPalette(red, palette, applications)
  const catalogue: Catalogue = {
    manifest: (id) => palette.manifest(id),
    application: (name, agent) => applications.get(name, agent),
  }
  const ticker = new PanelTicker(red)
  const live = new LiveNodes()
  const services = new FlowServices(red, connections, live)
  const shared = { red, connections, live, palette }
  const deployment = new Deployment({ ...shared, catalogue, services }, ticker.changed)
  const context: NodeContext = {
    ...shared,
    roleOf: (node) => deployment.roleOf(node),
    onCompiled: (listener) => deployment.onCompiled(listener),
    inlineStatus: (node) => deployment.inline.statusOf(node),
    faultOf: (node) => deployment.faultOf(node),
    inlineOf: (node) => deployment.inline.of(node),
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
  const serviceContext = { red, live, services }
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
      // First what the applications may use.
      services.retry()
      deployment.retry()
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
  const changed = () => {
    shown.changed()
    deployment.retry()
  }
  palette.on((what) => {
    if (what === "changed") changed()
  })
  applications.onChanged = changed
  red.events.on("flows:stopping", ({ config }) => {
    connections.hold()
    services.stopping()
    deployment.stopping()
    // What comes behind this deploy: looked at once it has stopped, a missing type would keep it from starting.
    palette.use(config.flows.map(({ type }) => type))
  })
  red.events.on("runtime-event", ({ id }) => {
    // Flows were read, and do not run yet; or they waited for this package.
    if (id === "runtime-deploy" || id === "node/added") palette.use(typesOfFlows(red))
  })
  red.events.on("flows:started", ({ config }) => {
    const addresses = agentAddresses(red, config.flows)
    palette.keepNamed(new Set(["", ...addresses.values()]))
    applications.keepNamed(addresses)
    services.started(config.flows)
    deployment.started(config.flows)
    connections.letGo()
  })
}

function typesOfFlows({ nodes }: Red): string[] {
  const types: string[] = []
  nodes.eachNode(({ type }) => types.push(type))
  return types
}

/** As `engines` of the package says. */
const NODE_MIN = 22

/** The agent that runs this Node-RED hears where its editor is. */
function tellAgent({ server, settings }: Red): void {
  server.once("listening", () => {
    const { address, port } = server.address() as AddressInfo
    const host = address.includes(":") ? `[${address}]` : address
    process.send?.({ url: `http://${host}:${port}${settings.httpAdminRoot ?? "/"}` })
  })
}
