import type { Address } from "../base/address.ts"

/** A validator's key: it signs whatever it is given. What it may sign is the signer's to say. */
export interface ConsensusKey {
  readonly address: Address
  /** Ed25519 public key, 64 hex digits. */
  readonly publicKey: string
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Uint8Array
}
