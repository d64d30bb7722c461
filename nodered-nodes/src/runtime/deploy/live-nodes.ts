import type { Place } from "../../flow/scopes.ts"
import type { RedNode } from "../red.ts"

/** The nodes of ours that run at the moment, by where they are drawn. */
export class LiveNodes {
  readonly #nodes = new Map<string, RedNode>()

  /** Until the node closes. */
  add(node: RedNode): void {
    const key = keyOfNode(node)
    this.#nodes.set(key, node)
    node.on("close", (_removed, done) => {
      if (this.#nodes.get(key) === node) this.#nodes.delete(key)
      done()
    })
  }

  at(place: Place): RedNode | undefined {
    return this.#nodes.get(keyOfPlace(place))
  }
}

/** In a subflow the runtime gives a node an id of its own; its path has those that are drawn, behind that of the tab. */
export function keyOfNode(node: RedNode): string {
  return node._path.slice(node._path.indexOf("/") + 1)
}

export function keyOfPlace({ node, instances }: Place): string {
  return [...instances, node].join("/")
}
