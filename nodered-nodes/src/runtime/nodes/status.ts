import type { AgentConnection } from "../agent/connection.ts"
import type { Red, RedNode } from "../red.ts"

/** Says on a node whether its agent is there. @returns ends that */
export function showConnection(
  red: Red,
  node: RedNode,
  connection: AgentConnection,
  shows: () => boolean = () => true,
): () => void {
  return connection.on("state", (problem) => {
    if (problem !== null) node.status({ fill: "grey", shape: "ring", text: red._("mesg.status.no-agent") })
    else if (shows()) node.status({})
  })
}
