import { concatBytes } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { damaged } from "../error.ts"

/*
 * The state is a sparse Merkle tree over the hashes of its names, binary by rule and kept in nodes of sixteen: a node
 * stands for four levels. Rules: docs/spec/ledger.md#state-tree.
 */
const HASH_BYTES = 32
const LEAF = Uint8Array.of(0)
const INNER = Uint8Array.of(1)

/** T2: what hangs nowhere. */
export const EMPTY_HASH = new Uint8Array(HASH_BYTES)
export const SLOTS = 16
/** Levels of the tree that a node stands for. */
export const NODE_LEVELS = 4

/** A subtree as the node above it knows it: nothing, one leaf, or more than one. */
export type Slot =
  | null
  | { readonly kind: "leaf"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "inner"; readonly hash: Uint8Array }

export type Leaf = Extract<Slot, { kind: "leaf" }>
/** SLOTS of them, by the next four bits of the key. */
export type Node = readonly Slot[]

export const EMPTY_NODE: Node = Array.from({ length: SLOTS }, () => null)

/** T2: a leaf's hash holds the whole key, so one leaf may stand for a subtree of any height. */
export function hashOf(slot: Slot): Uint8Array {
  if (slot === null) return EMPTY_HASH
  return slot.kind === "inner" ? slot.hash : leafHash(slot.key, slot.value)
}

export function leafHash(key: Uint8Array, value: Uint8Array): Uint8Array {
  return sha256(LEAF, key, value)
}

export function innerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(INNER, left, right)
}

/** T3: two halves; a leaf alone goes up, so that a subtree with one leaf is the leaf. */
export function joined(left: Slot, right: Slot): Slot {
  if (left === null && right?.kind !== "inner") return right
  if (right === null && left?.kind !== "inner") return left
  return { kind: "inner", hash: innerHash(hashOf(left), hashOf(right)) }
}

/** @returns the levels of a node, its sixteen slots first, then 8, 4, 2 and the one that it is for the node above */
export function levelsOf(node: Node): readonly (readonly Slot[])[] {
  const levels: (readonly Slot[])[] = [node]
  for (let level = node; level.length > 1; levels.push(level)) {
    level = Array.from({ length: level.length / 2 }, (_, i) => joined(level[2 * i]!, level[2 * i + 1]!))
  }
  return levels
}

export function slotOf(node: Node): Slot {
  return levelsOf(node).at(-1)![0]!
}

/** Two bytes of which slots are leaves, two of which are inner, then 64 bytes for each leaf and 32 for each inner. */
export function encodeNode(node: Node): Uint8Array {
  const parts: Uint8Array[] = []
  let [leaves, inners] = [0, 0]
  for (const [i, slot] of node.entries()) {
    if (slot === null) continue
    if (slot.kind === "leaf") {
      leaves |= 1 << i
      parts.push(slot.key, slot.value)
    } else {
      inners |= 1 << i
      parts.push(slot.hash)
    }
  }
  return concatBytes(Uint8Array.of(leaves >> 8, leaves & 255, inners >> 8, inners & 255), ...parts)
}

/** @throws LedgerError STATE_DAMAGED: bytes that `encodeNode` does not write */
export function decodeNode(bytes: Uint8Array): Node {
  if (bytes.length < 4) throw damaged("a node of its tree is cut off")
  const [leaves, inners] = [(bytes[0]! << 8) | bytes[1]!, (bytes[2]! << 8) | bytes[3]!]
  let at = 4
  const take = () => bytes.slice(at, (at += HASH_BYTES))
  const node = EMPTY_NODE.map((_, i): Slot => {
    if ((leaves >> i) & 1) return { kind: "leaf", key: take(), value: take() }
    return (inners >> i) & 1 ? { kind: "inner", hash: take() } : null
  })
  if ((leaves & inners) !== 0 || at !== bytes.length) throw damaged("a node of its tree is none")
  return node
}
