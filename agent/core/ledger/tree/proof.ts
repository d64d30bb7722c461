import { fromHex, toHex, utf8 } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { damaged } from "../error.ts"
import { fixed, list, optional, record, type ValueOf } from "../layout.ts"
import type { Hash } from "../terms.ts"
import {
  decodeNode,
  EMPTY_HASH,
  hashOf,
  innerHash,
  leafHash,
  type Leaf,
  levelsOf,
  NODE_LEVELS,
  type Slot,
  slotOf,
} from "./node.ts"
import type { Nodes } from "./update.ts"

const HASH_BITS = 256
const hash = fixed<Hash>(32)

/**
 * T5: the hashes beside the way from the root to where a name is, or would be, the root's first; null for what is empty
 * there. `other` is the leaf that stands where the name would be, if one does.
 */
export const way = {
  siblings: list(optional(hash), HASH_BITS),
  other: optional(record({ key: hash, value: hash })),
}
export const treeProof = record(way)

export type TreeProof = ValueOf<typeof treeProof>

/** @returns the hash of a name, by which it has its place in the tree */
export function placeOf(name: string): Uint8Array {
  return sha256(utf8(name))
}

/** @throws LedgerError STATE_DAMAGED */
export function prove(nodes: Nodes, name: string): TreeProof {
  const digits = toHex(placeOf(name))
  const { siblings, end } = wayTo(nodes, digits)
  return { siblings, other: end?.kind === "leaf" && toHex(end.key) !== digits ? leafOf(end) : null }
}

/**
 * The way from the root to the subtree of all places that begin with these digits, or to where one leaf or nothing stands
 * for all of it.
 * @throws LedgerError STATE_DAMAGED
 */
export function wayTo(nodes: Nodes, digits: string): { readonly siblings: TreeProof["siblings"]; readonly end: Slot } {
  const siblings: (Hash | null)[] = []
  const root = nodes("")
  let end: Slot = root === null ? null : slotOf(decodeNode(root))
  for (let depth = 0; depth < digits.length && (depth === 0 || end?.kind === "inner"); depth++) {
    const path = digits.slice(0, depth)
    const bytes = nodes(path)
    if (bytes === null && path !== "") throw damaged(`the node ${path} of its tree is missing`)
    if (bytes === null) break
    const way = throughNode(levelsOf(decodeNode(bytes)), Number.parseInt(digits[depth]!, 16))
    siblings.push(...way.siblings.map((slot) => (slot === null ? null : (toHex(hashOf(slot)) as Hash))))
    end = way.end
  }
  return { siblings, end }
}

/**
 * T6: whether the root holds the name with this value, or without one for null. Total: any proof.
 * @param value the record's bytes
 */
export function isProven(root: Uint8Array, name: string, value: Uint8Array | null, proof: TreeProof): boolean {
  const key = placeOf(name)
  if (proof.siblings.length > HASH_BITS || (value !== null && proof.other !== null)) return false
  let reached = value === null ? EMPTY_HASH : leafHash(key, sha256(value))
  if (proof.other !== null) {
    // In a tree another leaf stands on the name's own way only where the name is not there.
    if (proof.other.key === toHex(key)) return false
    reached = leafHash(fromHex(proof.other.key)!, fromHex(proof.other.value)!)
  }
  return toHex(rootAbove(key, reached, proof.siblings)) === toHex(root)
}

/** @param key any place below; its bits say which side each hash is on */
export function rootAbove(key: Uint8Array, below: Uint8Array, siblings: TreeProof["siblings"]): Uint8Array {
  let reached = below
  for (let level = siblings.length - 1; level >= 0; level--) {
    const sibling = siblings[level]!
    const beside = sibling === null ? EMPTY_HASH : fromHex(sibling)!
    reached = bit(key, level) === 0 ? innerHash(reached, beside) : innerHash(beside, reached)
  }
  return reached
}

/** From the top of a node down to the slot, or to where a leaf or nothing stands for all that is below. */
function throughNode(levels: readonly (readonly Slot[])[], digit: number): { siblings: Slot[]; end: Slot } {
  const siblings: Slot[] = []
  for (let level = NODE_LEVELS; level >= 0; level--) {
    const at = digit >> level
    const end = levels[level]![at]!
    if (level < NODE_LEVELS) siblings.push(levels[level]![at ^ 1]!)
    if (level === 0 || end?.kind !== "inner") return { siblings, end }
  }
  throw damaged("a node of its tree has no end")
}

export function leafOf({ key, value }: Leaf): NonNullable<TreeProof["other"]> {
  return { key: toHex(key) as Hash, value: toHex(value) as Hash }
}

export function bit(key: Uint8Array, place: number): number {
  return (key[place >> 3]! >> (7 - (place & 7))) & 1
}
