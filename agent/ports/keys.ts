export interface Keys {
  /** The node's Ed25519 public key, 64 hex digits. */
  readonly nodeKey: string
  /** Ed25519 signature (64 bytes) by the node key. */
  sign(bytes: Uint8Array): Uint8Array
  /** Authenticated encryption at rest under a key of this home. */
  seal(plain: Uint8Array): Uint8Array
  /** @returns null where the bytes were not sealed here or were changed */
  open(sealed: Uint8Array): Uint8Array | null
}
