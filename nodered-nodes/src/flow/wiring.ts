import { type NodeKind, nodeKind } from "./nodes.ts"
import {
  frameWires,
  homeOf,
  idOf,
  isDisabled,
  listOf,
  portCount,
  type Raw,
  rawNodes,
  textOf,
  textsOf,
  typeOf,
  wiresAt,
} from "./raw.ts"
import { type Place, type Scope, type Shelf, unfold } from "./scopes.ts"

/** A node of the graph: one of ours, or any other that messages of ours could reach or come from. */
export interface GraphNode {
  readonly place: Place
  /** Null for a node that is not ours. */
  readonly kind: NodeKind | null
  readonly raw: Raw
  readonly scope: Scope
  /** Per output port the nodes behind it, each once. */
  readonly next: readonly (readonly number[])[]
  /** The ports that lead here, in the order of the flow. */
  readonly from: { readonly node: number; readonly port: number }[]
}

/** Nodes that are wired together, in the order of the flow. */
export interface Chain {
  readonly nodes: readonly number[]
  /** Holds nothing but nodes that an application can express, and begins with an event. */
  readonly pure: boolean
  /** The nodes that keep it from being pure. */
  readonly foreign: readonly number[]
}

/** All of a flow's nodes, and how they are connected once everything that only carries wires is gone. */
export interface Wiring {
  readonly nodes: readonly GraphNode[]
  readonly chains: readonly Chain[]
  readonly shelf: Shelf
}

const CARRIERS = ["junction", "link in", "link out"]
const CHAIN_KINDS = ["event", "task", "application", "wait", "serviceResult"]

/**
 * Reads how a flow is wired. Disabled nodes and tabs are left out, subflows unfolded, link nodes and junctions followed.
 * @param flows all of `flows.json`, as `flows:started` hands it over; of any shape
 * @see docs/spec/node-red.md#wiring
 */
export function wiringOf(flows: unknown): Wiring {
  const shelf = unfold(rawNodes(flows))
  const indexOf = new Map<Scope, Map<string, number>>()
  const drafts: (Omit<GraphNode, "next"> & { next: number[][] })[] = []
  for (const { raw, scope } of shelf.nodes) {
    const kind = nodeKind(typeOf(raw))
    if (kind?.kind === "agent" || kind?.kind === "settings" || isCarrier(raw)) continue
    const here = indexOf.get(scope) ?? new Map<string, number>()
    indexOf.set(scope, here.set(idOf(raw), drafts.length))
    const place = { node: idOf(raw), instances: scope.instances }
    drafts.push({ place, kind, raw, scope, next: [], from: [] })
  }
  const router = new Router(shelf, (scope, id) => indexOf.get(scope)?.get(id))
  drafts.forEach((node, index) => {
    if (node.kind?.kind === "serviceResult" || node.kind?.kind === "serviceEvent") return
    for (let port = 0; port < portsOf(node.raw, node.scope); port++) {
      node.next[port] = router.behind(node.raw, node.scope, port).filter((to) => hasInput(drafts[to]!.kind))
      for (const to of node.next[port]!) drafts[to]!.from.push({ node: index, port })
    }
  })
  return { nodes: drafts, chains: chainsOf(drafts), shelf }
}

/** `link out` that answers a call carries nothing onwards by itself: it is a node like any other that is not ours. */
function isCarrier(raw: Raw): boolean {
  return CARRIERS.includes(typeOf(raw)) && textOf(raw, "mode") !== "return"
}

function hasInput(kind: NodeKind | null): boolean {
  return kind?.kind !== "event" && kind?.kind !== "serviceTask"
}

/** Ports with a wire: those of the node's own, and those that a subflow's frame begins at. */
function portsOf(raw: Raw, scope: Scope): number {
  let count = Math.max(portCount(raw), typeOf(raw) === "link call" ? 1 : 0)
  const prefix = `${idOf(raw)}/`
  for (const key of scope.outputs.keys()) {
    if (key.startsWith(prefix)) count = Math.max(count, Number(key.slice(prefix.length)) + 1)
  }
  return count
}

/** Follows wires through link nodes, junctions and the frames of subflows. */
class Router {
  readonly #shelf: Shelf
  readonly #indexOf: (scope: Scope, id: string) => number | undefined

  constructor(shelf: Shelf, indexOf: (scope: Scope, id: string) => number | undefined) {
    this.#shelf = shelf
    this.#indexOf = indexOf
  }

  /** @returns the nodes behind a port, each once */
  behind(raw: Raw, scope: Scope, port: number): number[] {
    const found = new Set<number>()
    const seen = new Map<Scope, Set<string>>()
    const open: { scope: Scope; id: string }[] = []
    const leave = (node: Raw, within: Scope, out: number) => {
      const frames = [{ node, within, out }]
      for (let frame = frames.pop(); frame !== undefined; frame = frames.pop()) {
        const { use, outputs } = frame.within
        for (const id of wiresAt(frame.node, frame.out)) open.push({ scope: frame.within, id })
        if (use === null) continue
        for (const output of outputs.get(`${idOf(frame.node)}/${frame.out}`) ?? []) {
          frames.push({ node: use.instance, within: use.outer, out: output })
        }
      }
    }
    leave(raw, scope, port)
    if (typeOf(raw) === "link call") for (const id of textsOf(raw["links"])) open.push(...this.#linked(scope, id))
    for (let at = 0; at < open.length; at++) {
      const { scope: here, id } = open[at]!
      const known = seen.get(here) ?? new Set<string>()
      if (known.has(id)) continue
      seen.set(here, known.add(id))
      const index = this.#indexOf(here, id)
      if (index !== undefined) {
        found.add(index)
        continue
      }
      const node = this.#shelf.byId.get(id)
      if (node === undefined || homeOf(node) !== here.home || isDisabled(node)) continue
      const inner = here.inner.get(id)
      if (inner !== undefined) this.#enter(inner, open, leave)
      else if (typeOf(node) === "link out")
        for (const to of textsOf(node["links"])) open.push(...this.#linked(here, to))
      else leave(node, here, 0)
    }
    return [...found]
  }

  #enter(
    inner: Scope,
    open: { scope: Scope; id: string }[],
    leave: (raw: Raw, scope: Scope, port: number) => void,
  ): void {
    const { template, instance, outer } = inner.use!
    for (const { id } of frameWires(listOf(template["in"])[0])) open.push({ scope: inner, id })
    // A frame whose input is wired straight to an output.
    for (const output of inner.outputs.get(`${idOf(template)}/0`) ?? []) leave(instance, outer, output)
  }

  /** A link leads to a node of the same subflow, or from tab to tab. */
  #linked(scope: Scope, id: string): { scope: Scope; id: string }[] {
    const target = this.#shelf.byId.get(id)
    if (target === undefined) return []
    if (homeOf(target) === scope.home) return [{ scope, id }]
    const tab = scope.use === null ? this.#shelf.tabs.get(homeOf(target)) : undefined
    return tab === undefined ? [] : [{ scope: tab, id }]
  }
}

/** The connected parts of the graph in which a node of ours stands. A node without any wire is none. */
function chainsOf(nodes: readonly GraphNode[]): Chain[] {
  const group = nodes.map((_, index) => index)
  const root = (index: number): number => {
    let at = index
    while (group[at] !== at) {
      group[at] = group[group[at]!]!
      at = group[at]!
    }
    return at
  }
  nodes.forEach((node, index) => {
    for (const to of node.next.flat()) group[root(to)] = root(index)
  })
  const members = new Map<number, number[]>()
  nodes.forEach((_, index) => {
    const at = root(index)
    const list = members.get(at)
    if (list === undefined) members.set(at, [index])
    else list.push(index)
  })
  return [...members.values()]
    .filter((list) => list.length > 1 && list.some((index) => nodes[index]!.kind !== null))
    .map((list) => {
      const foreign = list.filter((index) => !CHAIN_KINDS.includes(nodes[index]!.kind?.kind ?? ""))
      const starts = list.some((index) => nodes[index]!.kind?.kind === "event")
      return { nodes: list, pure: starts && foreign.length === 0, foreign }
    })
}
