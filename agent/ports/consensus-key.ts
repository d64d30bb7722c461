/** A validator's key: it signs whatever it is given. What it may sign is the signer's to say. */
export interface ConsensusKey {
  /** 40 hex digits: the first 20 bytes of the public key's SHA-256. */
  readonly address: string
  /** Ed25519 public key, 64 hex digits. */
  readonly publicKey: string
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Uint8Array
}
