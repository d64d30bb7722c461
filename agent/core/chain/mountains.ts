/*
 * A Merkle mountain range: a list that only grows, under one hash. Its peaks are the perfect trees of the binary number
 * that the length is, so a leaf more costs as many hashes as that number carries. docs/spec/chain.md#mountains
 */
import { concatBytes, fromHex, toHex } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import { fixed, list, optional, type ValueOf } from "../ledger/layout.ts"
import type { Hash } from "../ledger/terms.ts"

/** As many leaves as there are safe integers. */
const HEIGHT_MAX = 53
const LEAF = Uint8Array.of(0)
const INNER = Uint8Array.of(1)
const ROOT = Uint8Array.of(2)

/** By height, the lowest first: a tree of 2^height leaves, or null. */
export const mountains = list(optional(fixed<Hash>(32)), HEIGHT_MAX)
export type Mountains = ValueOf<typeof mountains>

export function withLeaf(peaks: Mountains, leaf: Uint8Array): Mountains {
  const next = [...peaks]
  let tree = sha256(LEAF, leaf)
  let height = 0
  for (; next[height] != null; height++) {
    tree = sha256(INNER, fromHex(next[height]!)!, tree)
    next[height] = null
  }
  next[height] = toHex(tree) as Hash
  return next
}

/** @returns the hash of the list; how long it is goes into it */
export function rootOf(peaks: Mountains): Hash {
  let joined: Uint8Array = new Uint8Array(0)
  for (const peak of peaks) {
    if (peak === null) continue
    const tree = fromHex(peak)!
    joined = joined.length === 0 ? tree : sha256(INNER, tree, joined)
  }
  return toHex(sha256(ROOT, lengthBytes(peaks), joined)) as Hash
}

export function rootOfList(leaves: readonly Uint8Array[]): Hash {
  return rootOf(leaves.reduce<Mountains>(withLeaf, []))
}

function lengthBytes(peaks: Mountains): Uint8Array {
  const length = peaks.reduce((sum, peak, height) => sum + (peak === null ? 0n : 1n << BigInt(height)), 0n)
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setBigUint64(0, length)
  return concatBytes(new Uint8Array(bytes.buffer))
}
