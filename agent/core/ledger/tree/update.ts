import { fromHex, toHex } from "../../../base/bytes.ts"
import { damaged } from "../error.ts"
import { decodeNode, EMPTY_NODE, encodeNode, hashOf, type Leaf, type Node, type Slot, slotOf } from "./node.ts"

/** Where a node hangs: the first hex digits of its keys; "" is the root. */
export type NodePath = string
/** @returns the bytes of a node, null where none is kept */
export type Nodes = (path: NodePath) => Uint8Array | null

export interface TreeUpdate {
  readonly root: Uint8Array
  /** Nodes to be kept, and null for those to be dropped. */
  readonly nodes: ReadonlyMap<NodePath, Uint8Array | null>
}

/** A key with the hash of its new value, null where it goes. */
interface Change {
  readonly digits: string
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/**
 * T4: the tree after the changes; the order in which they are given does not matter.
 * @param changes hash of the name in hex -> hash of the value, null where the name goes
 * @throws LedgerError STATE_DAMAGED
 */
export function updateTree(nodes: Nodes, changes: ReadonlyMap<string, Uint8Array | null>): TreeUpdate {
  const list = [...changes].map(([digits, value]): Change => ({ digits, key: fromHex(digits)!, value }))
  const written = new Map<NodePath, Uint8Array | null>()
  const bytes = nodes("")
  const before = bytes === null ? null : decodeNode(bytes)
  if (list.length === 0) return { root: hashOf(slotOf(before ?? EMPTY_NODE)), nodes: written }
  const root = updated({ nodes, written }, "", before, list)
  // A root of one leaf has no node above it that could hold it.
  if (root?.kind === "leaf") written.set("", encodeNode(withSlot(EMPTY_NODE, digitAt(toHex(root.key), 0), root)))
  return { root: hashOf(root), nodes: written }
}

interface Work {
  readonly nodes: Nodes
  readonly written: Map<NodePath, Uint8Array | null>
}

/** @param node what is kept at `path`, null where nothing is */
function updated(work: Work, path: NodePath, node: Node | null, changes: readonly Change[]): Slot {
  const groups = new Map<number, Change[]>()
  for (const change of changes) {
    const digit = digitAt(change.digits, path.length)
    const group = groups.get(digit)
    if (group === undefined) groups.set(digit, [change])
    else group.push(change)
  }
  let next = node ?? EMPTY_NODE
  for (const [digit, group] of groups) {
    next = withSlot(next, digit, changedSlot(work, path + digit.toString(16), next[digit]!, group))
  }
  const slot = slotOf(next)
  if (slot?.kind === "inner") work.written.set(path, encodeNode(next))
  else if (node !== null) work.written.set(path, null)
  return slot
}

function changedSlot(work: Work, path: NodePath, slot: Slot, changes: readonly Change[]): Slot {
  if (slot?.kind === "inner") {
    const bytes = work.nodes(path)
    if (bytes === null) throw damaged(`the node ${path} of its tree is missing`)
    return updated(work, path, decodeNode(bytes), changes)
  }
  const kept = slot === null ? [] : keptBeside(slot, changes)
  const there = [...kept, ...changes.filter(({ value }) => value !== null)]
  if (there.length > 1) return updated(work, path, null, there)
  const [only] = there
  return only === undefined ? null : { kind: "leaf", key: only.key, value: only.value! }
}

/** A leaf that stood here alone goes down with the new ones, unless it is one of them. */
function keptBeside(leaf: Leaf, changes: readonly Change[]): readonly Change[] {
  const digits = toHex(leaf.key)
  return changes.some((change) => change.digits === digits) ? [] : [{ digits, key: leaf.key, value: leaf.value }]
}

function withSlot(node: Node, digit: number, slot: Slot): Node {
  return node.with(digit, slot)
}

function digitAt(digits: string, place: number): number {
  return Number.parseInt(digits[place]!, 16)
}
