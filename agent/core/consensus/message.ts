import { concatBytes, fromHex } from "../../base/bytes.ts"
import { signingBytes } from "../../base/signing.ts"
import type { Said } from "./driver/state.ts"
import type { Address, Height, Proposal, Round, ValueId, Vote } from "./terms.ts"

/** A vote as it travels. `timeMs` is what its voter's clock said; a block's time is made of those of its commit. */
export interface SignedVote extends Vote {
  /** ms since epoch, chain time. */
  readonly timeMs: number
  /** 64 bytes, over `voteBytes`. */
  readonly signature: Uint8Array
}

/** A double vote that anybody can verify. */
export interface SignedDoubleVote {
  readonly first: SignedVote
  readonly second: SignedVote
}

export interface SignedProposal extends Proposal {
  /** 64 bytes, over `proposalBytes`. */
  readonly signature: Uint8Array
}

/** What validators tell each other. A value proposed again travels with the polka that lets it be (D9). */
export type SignedMessage =
  | { readonly kind: "vote"; readonly vote: SignedVote }
  | { readonly kind: "proposal"; readonly proposal: SignedProposal; readonly polka: readonly SignedVote[] | null }

/** Where a signature belongs: of each a key makes one. */
export interface Slot {
  readonly height: Height
  readonly round: Round
  readonly step: Said
}

/** The slot of a vote or a proposal, signed or not. */
export function slotOf(
  said: { readonly kind: "vote"; readonly vote: Vote } | { readonly kind: "proposal"; readonly proposal: Proposal },
): Slot {
  if (said.kind === "vote") return { height: said.vote.height, round: said.vote.round, step: said.vote.type }
  return { height: said.proposal.height, round: said.proposal.round, step: "proposal" }
}

export function signerOf(message: SignedMessage): Address {
  return message.kind === "vote" ? message.vote.voter : message.proposal.proposer
}

/** The bytes that its signature is over. @throws RangeError as `voteBytes` */
export function messageBytes(chain: Uint8Array, message: SignedMessage): Uint8Array {
  return message.kind === "vote" ? voteBytes(chain, message.vote) : proposalBytes(chain, message.proposal)
}

const KINDS: Readonly<Record<Said, number>> = { proposal: 0, prevote: 1, precommit: 2 }
const VALUE_BYTES = 32

/**
 * The bytes that a vote's signature is over.
 * @param chain 32 bytes, as of `base/signing.ts`
 * @throws RangeError a value that is no 64 hex digits: a bug of the caller
 * @see docs/spec/consensus.md#signing-bytes
 */
export function voteBytes(chain: Uint8Array, vote: Omit<SignedVote, "signature">): Uint8Array {
  return bytes(chain, KINDS[vote.type], vote, 0, vote.timeMs)
}

/** As `voteBytes`. */
export function proposalBytes(chain: Uint8Array, proposal: Proposal): Uint8Array {
  return bytes(chain, KINDS.proposal, proposal, proposal.polRound + 1, 0)
}

interface Content {
  readonly height: Height
  readonly round: Round
  readonly value: ValueId | null
}

function bytes(chain: Uint8Array, kind: number, { height, round, value }: Content, polka: number, timeMs: number) {
  const head = new DataView(new ArrayBuffer(26))
  head.setUint8(0, kind)
  head.setBigUint64(1, BigInt(height))
  head.setUint32(9, round)
  head.setUint32(13, polka)
  head.setBigUint64(17, BigInt(timeMs))
  head.setUint8(25, value === null ? 0 : 1)
  return signingBytes("consensus", chain, concatBytes(new Uint8Array(head.buffer), valueBytes(value)))
}

function valueBytes(value: ValueId | null): Uint8Array {
  if (value === null) return new Uint8Array(VALUE_BYTES)
  const id = fromHex(value)
  if (id?.length !== VALUE_BYTES) throw new RangeError(`a value that is signed has ${VALUE_BYTES} bytes, not ${value}`)
  return id
}
