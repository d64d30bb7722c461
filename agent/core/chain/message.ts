/*
 * What Cores of a chain say to each other, in bytes. Reading is total, and what is read is what was written.
 * docs/spec/chain.md#messages
 */
import { type Address, ADDRESS_BYTES } from "../../base/address.ts"
import { fromHex, toHex } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import {
  BLOCK_BYTES_MAX,
  CONSENSUS_ROUND_MAX,
  ROUND_VOTES_MAX,
  STATE_PARTS_MAX,
  STATE_RECORD_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTIONS_PER_MESSAGE_MAX,
  VALIDATORS_MAX,
} from "../../base/network-limits.ts"
import { signingBytes } from "../../base/signing.ts"
import type { SignedProposal, SignedVote } from "../consensus/message.ts"
import type { ValueId } from "../consensus/terms.ts"
import {
  bytes,
  decode,
  encode,
  fixed,
  type Layout,
  list,
  optional,
  record,
  type ValueOf,
  whole,
} from "../ledger/layout.ts"
import type { ChainId, Hash, Signature } from "../ledger/terms.ts"
import { chunk, partDigits } from "../ledger/tree/chunk.ts"
import { treeProof } from "../ledger/tree/proof.ts"
import { type SnapshotHead, snapshotHead } from "./snapshot.ts"
import { type Commit, commit } from "./block.ts"

const address = fixed<Address>(ADDRESS_BYTES)
const hash = fixed<Hash>(32)
const signature = fixed<Signature>(64)
const round = whole(CONSENSUS_ROUND_MAX)

const voteRecord = record({
  type: whole(1),
  height: whole(),
  round,
  value: optional(hash),
  voter: address,
  time: whole(),
  signature,
})

/** `polka` is the round of it and 1, 0 where there is none. */
const proposalRecord = record({
  height: whole(),
  round,
  value: hash,
  polka: whole(CONSENSUS_ROUND_MAX),
  proposer: address,
  signature,
})

const vote: Layout<SignedVote> = {
  write: ({ type, value, timeMs, ...rest }) =>
    voteRecord.write({
      ...rest,
      type: type === "prevote" ? 0 : 1,
      value: value as string | null as Hash | null,
      time: timeMs,
      signature: toHex(rest.signature) as Signature,
    }),
  read: (item) => {
    const read = voteRecord.read(item)
    if (read === undefined) return undefined
    const { type, value, time, ...rest } = read
    return {
      ...rest,
      type: type === 0 ? "prevote" : "precommit",
      value: value as string | null as ValueId | null,
      timeMs: time,
      signature: fromHex(rest.signature)!,
    }
  },
  items: voteRecord.items,
}

const proposal: Layout<SignedProposal> = {
  write: ({ value, polRound, ...rest }) =>
    proposalRecord.write({
      ...rest,
      value: value as string as Hash,
      polka: polRound + 1,
      signature: toHex(rest.signature) as Signature,
    }),
  read: (item) => {
    const read = proposalRecord.read(item)
    if (read === undefined) return undefined
    const { value, polka, ...rest } = read
    return { ...rest, value: value as string as ValueId, polRound: polka - 1, signature: fromHex(rest.signature)! }
  },
  items: proposalRecord.items,
}

const transactions = list(bytes(TRANSACTION_BYTES_MAX), TRANSACTIONS_PER_MESSAGE_MAX)
const proposed = record({ proposal, polka: optional(list(vote, VALIDATORS_MAX)), block: bytes(BLOCK_BYTES_MAX) })
const decided = record({ block: bytes(BLOCK_BYTES_MAX), proposal, commit })
/** The peer is whose answer it is, by its consensus key. */
const said = { peer: address, vote: optional(vote), proposal: optional(proposal) }
const newest = record({ ...said, signature })
/** A record of the state that the header of a height names, or that there is none of its name. */
const recordAnswer = record({
  height: whole(),
  value: optional(bytes(STATE_RECORD_BYTES_MAX)),
  proof: treeProof,
})
const held = record({ votes: list(vote, ROUND_VOTES_MAX), proposed: optional(proposed) })

/** Parts of the state that are wanted, each but where its hash is still this one. */
const partsWanted = list(record({ digits: partDigits, held: optional(hash) }), STATE_PARTS_MAX)
/**
 * `root` names the state that is answered of. Parts that have changed, as many as there is room for; the digits of those
 * that are too large for one, and of those that there was no room for.
 */
const partsAnswer = record({
  root: hash,
  parts: list(chunk, STATE_PARTS_MAX),
  tooLarge: list(partDigits, STATE_PARTS_MAX),
  later: list(partDigits, STATE_PARTS_MAX),
})

export type PartsWanted = ValueOf<typeof partsWanted>
export type PartsAnswer = ValueOf<typeof partsAnswer>

/** A proposal with the block that it is for: neither is of use without the other. */
export interface Proposed {
  readonly proposal: SignedProposal
  readonly polka: readonly SignedVote[] | null
  readonly block: Uint8Array
}

/** A block and what proves that it was decided. */
export interface Decided {
  readonly block: Uint8Array
  readonly proposal: SignedProposal
  readonly commit: Commit
}

/** What a Core holds of the height that is being decided. */
export interface Held {
  readonly votes: readonly SignedVote[]
  /** The proposal of the latest round that it holds one of. */
  readonly proposed: Proposed | null
}

/** What a validator holds that another one said last. */
export interface Newest {
  readonly peer: Address
  readonly vote: SignedVote | null
  readonly proposal: SignedProposal | null
  readonly signature: Signature
}

interface Codec<Message> {
  encode(message: Message): Uint8Array
  /** Total: any bytes. */
  read(bytes: Uint8Array): Message | null
}

function codec<Message>(layout: Layout<Message>): Codec<Message> {
  return { encode: (message) => encode(layout, message), read: (from) => decode(layout, from) }
}

export const transactionsMessage: Codec<readonly Uint8Array[]> = codec(transactions)
export const voteMessage: Codec<SignedVote> = codec(vote)
export const recordMessage: Codec<ValueOf<typeof recordAnswer>> = codec(recordAnswer)
export const heldMessage: Codec<Held> = codec(held)
export const headMessage: Codec<SnapshotHead> = codec(snapshotHead)
export const partsWantedMessage: Codec<PartsWanted> = codec(partsWanted)
export const partsMessage: Codec<PartsAnswer> = codec(partsAnswer)
export const proposedMessage: Codec<Proposed> = codec(proposed)
export const decidedMessage: Codec<Decided> = codec(decided)
/** What the signature of an answer is over. @param nonce 32 bytes that the asking validator has just made */
export function newestBytes(
  chain: ChainId,
  nonce: Uint8Array,
  { peer, vote, proposal }: Omit<Newest, "signature">,
): Uint8Array {
  const payload = sha256(nonce, encode(record(said), { peer, vote, proposal }))
  return signingBytes("vouch", fromHex(chain)!, payload)
}

export const newestMessage: Codec<Newest> = codec(newest)
