import { generatedTypeOf } from "../../flow/nodes.ts"
import type { AgentConnection } from "../agent/connection.ts"
import type { NodeConfig, RedNode } from "../red.ts"
import type { NodeContext } from "./context.ts"
import { awayStatus, unknownStatus } from "./statuses.ts"

/**
 * Says on a node whether its agent is there and has what the node stands for, else what is wrong with the node, and why it
 * runs inline where it does. @returns ends that
 */
export function showStanding(
  { red, palette, roleOf, faultOf, inlineStatus, onCompiled }: NodeContext,
  node: RedNode,
  config: NodeConfig,
  connection: AgentConnection,
): () => void {
  const type = generatedTypeOf(config)
  const lacks = () => type !== null && palette.lacks(connection, type)
  let lacked = false
  const show = () => {
    lacked = lacks()
    const fault = faultOf(node)
    if (connection.problem !== null) node.status(awayStatus(red, connection))
    else if (fault !== null) node.status(fault)
    else if (lacked) node.status(unknownStatus(red))
    else if (roleOf(node) === "inline") node.status(inlineStatus(node))
  }
  const ends = [
    connection.on("state", show),
    onCompiled(() => {
      if (roleOf(node) === "inline") show()
    }),
    palette.on(() => {
      if (lacks() !== lacked) show()
    }),
  ]
  return () => {
    for (const end of ends) end()
  }
}
