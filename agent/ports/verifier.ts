/** An Ed25519 signature, and over what. */
export interface SignedBytes {
  /** 64 hex digits */
  readonly key: string
  readonly message: Uint8Array
  /** 128 hex digits */
  readonly signature: string
}

/** Signatures by the thousand: it may take them elsewhere to be verified. */
export interface Verifier {
  /** @returns whether every one of them is good, by the one verdict (docs/spec/store.md#signatures) */
  areGood(signed: readonly SignedBytes[]): Promise<boolean>
}
