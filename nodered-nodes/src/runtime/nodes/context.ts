import type { InlineNode } from "../../flow/inline.ts"
import type { Connections } from "../agent/connections.ts"
import type { LiveNodes } from "../deploy/live-nodes.ts"
import type { Palette } from "../palette/palette.ts"
import type { Red, RedNode, Status } from "../red.ts"
import type { FlowServices } from "../services/flow-services.ts"

/** How a node takes part in the flows that were deployed last; null while that is not known. */
export type Role = "inline" | "compiled" | "refused" | null

/** What every node is registered with. */
export interface NodeContext {
  readonly red: Red
  readonly connections: Connections
  readonly live: LiveNodes
  readonly palette: Palette
  roleOf(node: RedNode): Role
  /** What a node is to show of what is wrong with it; null where nothing is. */
  faultOf(node: RedNode): Status | null
  /** @param listener told when it is known what each node is part of @returns ends that */
  onCompiled(listener: () => void): () => void
  /** What an inline node shows that has nothing else to say. */
  inlineStatus(node: RedNode): Status
  /** How an inline node takes part; null for any other, and while that is not known. */
  inlineOf(node: RedNode): InlineNode | null
}

/** What the nodes of a Service that is written as a flow are registered with. */
export interface ServiceNodeContext extends Pick<NodeContext, "red" | "live"> {
  readonly services: FlowServices
}
