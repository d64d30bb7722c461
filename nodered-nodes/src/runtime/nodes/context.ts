import type { Connections } from "../agent/connections.ts"
import type { Palette } from "../palette/palette.ts"
import type { Red } from "../red.ts"

/** How a node takes part in the flows that were deployed last; null while that is not known. */
export type Role = "inline" | "compiled" | "refused" | null

/** What every node is registered with. */
export interface NodeContext {
  readonly red: Red
  readonly connections: Connections
  readonly palette: Palette
  /** @param id of the node, or of its original in a subflow */
  roleOf(id: string): Role
}
