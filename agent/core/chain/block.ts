import { type Address, ADDRESS_BYTES } from "../../base/address.ts"
import { toHex } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  CONSENSUS_ROUND_MAX,
  TRANSACTION_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../base/network-limits.ts"
import type { ValueId } from "../consensus/terms.ts"
import { bytes, decode, encode, fixed, list, optional, record, refined, type ValueOf, whole } from "../ledger/layout.ts"
import type { ChainId, Hash, Signature } from "../ledger/terms.ts"
import { type ReadTransaction, readTransaction } from "../ledger/transaction/transaction.ts"

/*
 * A block as it travels and lies on the disk. A field once given keeps its place: another layout is another version.
 * docs/spec/chain.md#block
 */
const VERSION = 1
const hash = fixed<Hash>(32)

/** K1: everything that a block says, so that its hash names all of it. */
export const header = record({
  version: refined(whole(), (value) => value === VERSION),
  chain: fixed<ChainId>(32),
  height: whole(),
  /** Milliseconds since 1970. */
  time: whole(),
  /** Of the block before, null where there is none. */
  parent: optional(hash),
  /** The SHA-256 of the commit that decided the block before. */
  commit: optional(hash),
  transactions: hash,
  /** The state before this block, and what became of the transactions of the one before. */
  appHash: hash,
  receipts: hash,
  /** Who decides this height, and the next. */
  deciders: hash,
  nextDeciders: hash,
  /** In which turn they propose. */
  turns: hash,
  /** All blocks before. */
  history: hash,
  seed: hash,
  /** What the seed is drawn from, of the proposer's chain of hashes; null while it has none. */
  preimage: optional(hash),
  /** By its consensus key. */
  proposer: fixed<Address>(ADDRESS_BYTES),
})

/** K2: the precommits of one round for one block, by the places of their voters in the committee; null where there is none. */
export const commit = record({
  round: whole(CONSENSUS_ROUND_MAX),
  votes: list(optional(record({ time: whole(), signature: fixed<Signature>(64) })), VALIDATORS_MAX),
})

const block = record({
  header,
  commit: optional(commit),
  transactions: list(bytes(TRANSACTION_BYTES_MAX), BLOCK_TRANSACTIONS_MAX),
})

export type Header = ValueOf<typeof header>
export type Commit = ValueOf<typeof commit>
export type Block = ValueOf<typeof block>

/** A block with what follows from its bytes, reckoned once. */
export interface ReadBlock extends Block {
  readonly id: ValueId
  readonly read: readonly ReadTransaction[]
}

export function encodeBlock(value: Block): Uint8Array {
  return encode(block, value)
}

/** Total: any bytes. @returns null where they are no block, or more than BLOCK_BYTES_MAX */
export function readBlock(bytes: Uint8Array): ReadBlock | null {
  if (bytes.length > BLOCK_BYTES_MAX) return null
  const value = decode(block, bytes)
  if (value === null) return null
  const read: ReadTransaction[] = []
  for (const one of value.transactions) {
    const transaction = readTransaction(one)
    if (transaction === null) return null
    read.push(transaction)
  }
  return { ...value, id: blockId(value.header), read }
}

/** What consensus decides on. */
export function blockId(value: Header): ValueId {
  return toHex(sha256(encode(header, value))) as ValueId
}

export function commitHash(value: Commit): Hash {
  return toHex(sha256(encode(commit, value))) as Hash
}
