import { fromHex, toHex } from "../../../base/bytes.ts"
import { sha256 } from "../../../base/hash.ts"
import { SNAPSHOT_CHUNK_BYTES_MAX, STATE_KEY_BYTES_MAX, STATE_RECORD_BYTES_MAX } from "../../../base/network-limits.ts"
import { bytes, decode, encode, list, record, refined, text, type ValueOf } from "../layout.ts"
import { hashOf, joined, leafHash, type Leaf, NODE_LEVELS, type Slot } from "./node.ts"
import { bit, leafOf, placeOf, rootAbove, way, wayTo } from "./proof.ts"
import type { Nodes } from "./update.ts"

const PLACE_DIGITS = 64
/** Two records take at least so many bytes. */
const RECORDS_MAX = SNAPSHOT_CHUNK_BYTES_MAX / 4

/** How the places of a part begin. */
export const partDigits = refined(text(PLACE_DIGITS), (digits) => /^[\da-f]*$/.test(digits))

/**
 * T7: a part of the state that can be checked by itself: all records whose places begin with `digits`, with the way to
 * where they are. `other` is a leaf that stands there and does not begin so.
 */
export const chunk = record({
  digits: partDigits,
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

/** The hash of a part, by which it is known whether it has changed: of its records alone. */
export function partHash(digits: string, records: Chunk["records"]): Uint8Array {
  return hashOf(subtree(records.map(leafOfRecord), digits.length * NODE_LEVELS))
}

/** The same, of what is kept. @throws LedgerError STATE_DAMAGED */
export function keptPartHash(nodes: Nodes, digits: string): Uint8Array {
  const { end } = wayTo(nodes, digits)
  return end?.kind === "leaf" && !toHex(end.key).startsWith(digits) ? hashOf(null) : hashOf(end)
}

/** T8: whether the state of this root holds exactly these records at the places that begin so. Total: any chunk. */
export function isChunk(root: Uint8Array, { digits, records, siblings, other }: Chunk): boolean {
  const depth = digits.length * NODE_LEVELS
  const leaves = records.map(leafOfRecord)
  const places = new Set(leaves.map(({ key }) => toHex(key)))
  if (places.size < leaves.length || siblings.length > depth) return false
  for (const place of places) if (!place.startsWith(digits)) return false
  // A leaf that begins so is one of the records, and beside records there is no room for another one.
  if (other !== null && (records.length > 0 || other.key.startsWith(digits))) return false
  const slot = subtree(leaves, depth)
  if (slot?.kind === "inner" && siblings.length < depth) return false
  const below = slot === null && other !== null ? leafHash(fromHex(other.key)!, fromHex(other.value)!) : hashOf(slot)
  const key = fromHex(digits.padEnd(PLACE_DIGITS, "0"))!
  return toHex(rootAbove(key, below, siblings)) === toHex(root)
}

function leafOfRecord({ name, value }: Chunk["records"][number]): Leaf {
  return { kind: "leaf", key: placeOf(name), value: sha256(value) }
}

function subtree(leaves: readonly Leaf[], depth: number): Slot {
  if (leaves.length <= 1) return leaves[0] ?? null
  const side = (which: number) => leaves.filter(({ key }) => bit(key, depth) === which)
  return joined(subtree(side(0), depth + 1), subtree(side(1), depth + 1))
}
