import { NODE_TYPES } from "../flow/nodes.ts"
import { textOf } from "../flow/raw.ts"
import type { EditorNode } from "./red.ts"
import { text } from "./text.ts"

/** What a `mesg-agent` node is called. */
export function agentLabel(node: EditorNode): string {
  return node.name || textOf(node, "url") || text("palette.agent")
}

/** The agents that flows can be for, by the ids of their nodes: first that of this machine, which needs none. */
export function agentLabels(): ReadonlyMap<string, string> {
  const labels = new Map([["", text("panel.local")]])
  RED.nodes.eachConfig((node) => {
    if (node.type === NODE_TYPES.agent) labels.set(node.id, agentLabel(node))
  })
  return labels
}
