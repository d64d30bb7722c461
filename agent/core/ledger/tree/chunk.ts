import { fromHex, toHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { SNAPSHOT_CHUNK_BYTES_MAX, STATE_KEY_BYTES_MAX, STATE_RECORD_BYTES_MAX } from "../../../base/network-limits.ts"
import { bytes, decode, encode, list, record, refined, text, type ValueOf } from "../layout.ts"
import { EMPTY_HASH, hashOf, joined, type Leaf, NODE_LEVELS, type Slot } from "./node.ts"
import { bit, leafOf, placeOf, rootAbove, way, wayTo } from "./proof.ts"
import type { Nodes } from "./update.ts"

const PLACE_DIGITS = 64
/** Two records take at least so many bytes. */
const RECORDS_MAX = SNAPSHOT_CHUNK_BYTES_MAX / 4

/**
 * T7: a part of the state that can be checked by itself: all records whose places begin with `digits`, with the way to
 * where they are. `other` is a leaf that stands there and does not begin so.
 */
const chunk = record({
  digits: refined(text(PLACE_DIGITS), (digits) => /^[\da-f]*$/.test(digits)),
  records: list(record({ name: text(STATE_KEY_BYTES_MAX), value: bytes(STATE_RECORD_BYTES_MAX) }), RECORDS_MAX),
  ...way,
})

export type Chunk = ValueOf<typeof chunk>

export function encodeChunk(part: Chunk): Uint8Array {
  return encode(chunk, part)
}

/** Total: any bytes. @returns null where they are no chunk, or more than SNAPSHOT_CHUNK_BYTES_MAX */
export function readChunk(from: Uint8Array): Chunk | null {
  return from.length > SNAPSHOT_CHUNK_BYTES_MAX ? null : decode(chunk, from)
}

/**
 * @param records all of those whose places begin so
 * @throws LedgerError STATE_DAMAGED
 */
export function chunkOf(nodes: Nodes, digits: string, records: Chunk["records"]): Chunk {
  const { siblings, end } = wayTo(nodes, digits)
  const isOther = end?.kind === "leaf" && !toHex(end.key).startsWith(digits)
  return { digits, records, siblings, other: isOther ? leafOf(end) : null }
}

/** T8: whether the state of this root holds exactly these records at the places that begin so. Total: any chunk. */
export function isChunk(root: Uint8Array, { digits, records, siblings, other }: Chunk): boolean {
  const depth = digits.length * NODE_LEVELS
  const leaves = records.map(({ name, value }): Leaf => ({ kind: "leaf", key: placeOf(name), value: sha256(value) }))
  const places = new Set(leaves.map(({ key }) => toHex(key)))
  if (places.size < leaves.length || siblings.length > depth) return false
  for (const place of places) if (!place.startsWith(digits)) return false
  // A leaf that begins so is one of the records, and beside records there is no room for another one.
  if (other !== null && (records.length > 0 || other.key.startsWith(digits))) return false
  const slot = subtree(leaves, depth)
  if (slot?.kind === "inner" && siblings.length < depth) return false
  const otherLeaf = other && hashOf({ kind: "leaf", key: fromHex(other.key)!, value: fromHex(other.value)! })
  const below = slot === null ? (otherLeaf ?? EMPTY_HASH) : hashOf(slot)
  const key = fromHex(digits.padEnd(PLACE_DIGITS, "0"))!
  return toHex(rootAbove(key, below, siblings)) === toHex(root)
}

function subtree(leaves: readonly Leaf[], depth: number): Slot {
  if (leaves.length <= 1) return leaves[0] ?? null
  const side = (which: number) => leaves.filter(({ key }) => bit(key, depth) === which)
  return joined(subtree(side(0), depth + 1), subtree(side(1), depth + 1))
}
