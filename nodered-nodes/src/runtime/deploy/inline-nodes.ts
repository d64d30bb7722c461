import type { CompiledFlow } from "../../flow/compile.ts"
import type { InlineNode } from "../../flow/inline.ts"
import type { Red, RedNode, Status } from "../red.ts"
import { keyOfNode, keyOfPlace } from "./live-nodes.ts"

/** The nodes whose messages pass through Node-RED. */
export class InlineNodes {
  readonly #red: Red
  #nodes: ReadonlyMap<string, InlineNode> = new Map()
  /** Why they do. */
  #reasons: ReadonlyMap<string, string> = new Map()

  constructor(red: Red) {
    this.#red = red
  }

  /** Those of a deploy instead of those of the one before. */
  replace(chains: CompiledFlow["inline"]): void {
    this.#nodes = new Map(chains.flatMap(({ nodes }) => nodes.map((node) => [keyOfPlace(node), node])))
    this.#reasons = new Map(
      chains.flatMap(({ nodes, reasons: [first] }) =>
        first === undefined ? [] : nodes.map((node) => [keyOfPlace(node), first.what] as const),
      ),
    )
  }

  all(): ReadonlyMap<string, InlineNode> {
    return this.#nodes
  }

  of(node: RedNode): InlineNode | null {
    return this.#nodes.get(keyOfNode(node)) ?? null
  }

  /** What a node shows that has nothing else to say: that its messages pass through Node-RED, and why. */
  statusOf(node: RedNode): Status {
    const what = this.#reasons.get(keyOfNode(node))
    if (what === undefined) return {}
    return { fill: "grey", shape: "dot", text: this.#red._("mesg.status.inline", { what }) }
  }
}
