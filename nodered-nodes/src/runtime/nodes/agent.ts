import { NODE_TYPES } from "../../flow/nodes.ts"
import { textOf } from "../../flow/raw.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { AgentAddress, Connections } from "../agent/connections.ts"
import type { NodeConfig, Red, RedNode, TypeOptions } from "../red.ts"

/** What the other nodes ask of the configuration node they name. */
export interface AgentNode extends RedNode {
  readonly connection: AgentConnection
}

/** `mesg-agent`: the connection to an agent. The token is a credential. */
export function registerAgentNode(
  red: Red,
  connections: Connections,
  settings: TypeOptions["settings"] & object,
): void {
  red.nodes.registerType(
    "mesg-agent",
    function (config: NodeConfig) {
      red.nodes.createNode(this, config)
      const address: AgentAddress = { url: textOf(config, "url"), token: this.credentials?.["token"] ?? "" }
      const connection = connections.acquire(address)
      Object.assign(this, { connection })
      const end = connection.on("state", (problem) => {
        if (connection.isTokenRefused)
          this.error(red._("mesg.error.token-refused", { url: connection.url, why: problem }))
      })
      this.on("close", (_removed, done) => {
        end()
        connections.release(address)
        done()
      })
    },
    { credentials: { token: { type: "password" } }, settings },
  )
}

/** `mesg-settings`: what concerns an application as a whole. Values for its settings are credentials. */
export function registerSettingsNode(red: Red): void {
  red.nodes.registerType(
    "mesg-settings",
    function (config: NodeConfig) {
      red.nodes.createNode(this, config)
    },
    { credentials: { values: { type: "password" } } },
  )
}

/** @param agent id of a `mesg-agent` node; empty: the agent of this machine */
export function agentConnection(red: Red, connections: Connections, agent: string): AgentConnection {
  if (agent === "") return connections.local
  const node = red.nodes.getNode(agent) as AgentNode | null
  return node?.connection ?? connections.gone
}

/** Whether the node of an agent is gone, or disabled: nobody can say any more where that agent is. */
export function isAgentGone(red: Red, agent: string): boolean {
  return agent !== "" && red.nodes.getNode(agent) === null
}

/** @returns where the agent of each `mesg-agent` node is that runs, by the id of the node */
export function agentAddresses(red: Red, flows: readonly NodeConfig[]): ReadonlyMap<string, string> {
  const ids = flows.flatMap(({ id, type }) => (type === NODE_TYPES.agent ? [id] : []))
  return new Map(
    ids.flatMap((id) => {
      const node = red.nodes.getNode(id) as AgentNode | null
      return node?.connection === undefined ? [] : [[id, node.connection.url] as const]
    }),
  )
}
