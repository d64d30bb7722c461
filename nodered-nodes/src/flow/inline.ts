import type { Catalogue } from "./catalogue.ts"
import { isWork, localTaskNames, portsOfNode, propertyOf } from "./chain-tasks.ts"
import type { Fault } from "./fault.ts"
import type { Place } from "./scopes.ts"
import type { GraphNode, Wiring } from "./wiring.ts"

/** A node of a chain that runs in Node-RED. */
export interface InlineNode extends Place {
  /** What expressions call its task; empty where it is none. */
  readonly name: string
  /** Null where each message goes by itself. */
  readonly join: InlineJoin | null
  /** Why its messages cannot be joined as the node says. */
  readonly fault: Fault | null
}

/** How the messages of one occurrence come together: all of these statuses must be there, or the first message goes on. */
export interface InlineJoin {
  readonly join: "all" | "any"
  readonly statuses: readonly { readonly from: Place; readonly status: string }[]
}

/**
 * @param nodes indexes of a chain's nodes, in the order of the flow
 * @returns those of ours
 * @see docs/spec/node-red.md#inline
 */
export function inlineNodes(nodes: readonly number[], wiring: Wiring, catalogue: Catalogue): InlineNode[] {
  const ours = nodes.filter((index) => wiring.nodes[index]!.kind !== null)
  const work = ours.map((index) => wiring.nodes[index]!).filter(isWork)
  const names = new Map([...localTaskNames(work, wiring.shelf).values()].flatMap((local) => [...local]))
  return ours.map((index) => {
    const node = wiring.nodes[index]!
    return { ...node.place, name: names.get(node) ?? "", ...joinAt(index, wiring, catalogue, names) }
  })
}

/** What leads to a node, seen through the nodes that are not ours. */
interface Ways {
  readonly statuses: readonly { readonly node: GraphNode; readonly status: string }[]
  /** Whether one begins at no status: at an event, behind a wait, at a node that is not ours. */
  readonly plain: boolean
  /** Whether one comes from behind the node. */
  readonly loop: boolean
}

function joinAt(
  index: number,
  wiring: Wiring,
  catalogue: Catalogue,
  names: ReadonlyMap<GraphNode, string>,
): Pick<InlineNode, "join" | "fault"> {
  const nothing = { join: null, fault: null }
  const node = wiring.nodes[index]!
  if (!isWork(node) && node.kind?.kind !== "wait") return nothing
  const { statuses, plain, loop } = waysTo(index, wiring, catalogue)
  if (statuses.length < 2) return nothing
  const tasks = new Set(statuses.map((one) => one.node))
  const written = propertyOf(node, "join", wiring.shelf)
  const isAuto = written !== "all" && written !== "any"
  if (isAuto && (plain || loop || isBehindOthers(index, wiring))) return nothing
  const join = isAuto ? (tasks.size < statuses.length ? "any" : "all") : written
  const refused = (code: Fault["code"], message: string, remedy: string) => {
    return { join: null, fault: { ...node.place, code, message, remedy } }
  }
  if (loop) {
    return refused(
      "CYCLE",
      "a way out of this node leads back to it",
      "join in front of the circle, or leave it to itself",
    )
  }
  if (join === "all" && plain) {
    return refused("R2_STATUS", "a way that leads here names no status", "wire only statuses of tasks into it")
  }
  if (join === "all" && tasks.size < statuses.length) {
    const twice = statuses.find(({ node: task }, i) => statuses.findIndex((one) => one.node === task) < i)!
    return refused(
      "JOIN_NEVER",
      `"${names.get(twice.node)}" ends in one status only, so two of its statuses never come together`,
      "use `join: any`",
    )
  }
  const from = statuses.map((one) => ({ from: one.node.place, status: one.status }))
  return { join: { join, statuses: from }, fault: null }
}

function waysTo(index: number, { nodes, shelf }: Wiring, catalogue: Catalogue): Ways {
  const statuses = new Map<string, Ways["statuses"][number]>()
  const seen = new Set<number>()
  const behind = reached([index], (at) => nodes[at]!.next.flat())
  let plain = false
  let loop = false
  const open = [...nodes[index]!.from]
  for (let edge = open.pop(); edge !== undefined; edge = open.pop()) {
    const { node: from, port } = edge
    const node = nodes[from]!
    if (behind.has(from)) loop = true
    else if (isWork(node)) {
      const status = portsOfNode(node, propertyOf(node, "agent", shelf), shelf, catalogue)[port] ?? `output-${port + 1}`
      statuses.set(`${from}.${status}`, { node, status })
    } else if (node.kind !== null || node.from.length === 0) plain = true
    else if (!seen.has(from)) {
      seen.add(from)
      open.push(...node.from)
    }
  }
  return { statuses: [...statuses.values()], plain, loop }
}

/** Behind a node that is not ours, which may send a message on or not, nothing is joined that nobody asked for. */
function isBehindOthers(index: number, { nodes }: Wiring): boolean {
  const before = reached([index], (at) => nodes[at]!.from.map(({ node }) => node))
  return [...before].some((at) => nodes[at]!.kind === null)
}

/** @returns what the steps lead to, the beginning itself only where they lead back to it */
function reached(from: readonly number[], next: (at: number) => readonly number[]): Set<number> {
  const found = new Set<number>()
  const open = [...from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const to of next(at)) {
      if (found.has(to)) continue
      found.add(to)
      open.push(to)
    }
  }
  return found
}
