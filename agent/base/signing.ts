import { concatBytes, utf8 } from "./bytes.ts"

/**
 * What is signed, each with a tag of its own: a signature for one purpose says nothing for another.
 * @see docs/spec/ledger.md#signing-bytes
 */
const TAGS = {
  consensus: "mesg/v1/consensus",
  transaction: "mesg/v1/transaction",
  announcement: "mesg/v1/announcement",
  offload: "mesg/v1/offload",
  service: "mesg/v1/service",
  checkpoint: "mesg/v1/checkpoint",
  device: "mesg/v1/device",
  /** That who registers a key also holds it. */
  possession: "mesg/v1/possession",
  /** What a validator holds that another one said last. */
  vouch: "mesg/v1/vouch",
  /** That a validator agrees to a change of the enrolled set. */
  "set-change": "mesg/v1/set-change",
} as const

export type SigningPurpose = keyof typeof TAGS

export const SIGNING_PURPOSES = Object.keys(TAGS) as readonly SigningPurpose[]
export const CHAIN_ID_BYTES = 32

/**
 * The bytes a signature is over: the purpose's tag in ASCII, 0x00, the chain's id, the payload.
 * @param chain sha256 of the genesis document, 32 zero bytes where no chain was joined
 * @param payload of the layout that belongs to the purpose; what has no fixed length goes in as its SHA-256
 */
export function signingBytes(purpose: SigningPurpose, chain: Uint8Array, payload: Uint8Array): Uint8Array {
  if (chain.length !== CHAIN_ID_BYTES)
    throw new RangeError(`a chain id has ${CHAIN_ID_BYTES} bytes, not ${chain.length}`)
  return concatBytes(utf8(`${TAGS[purpose]}\0`), chain, payload)
}
