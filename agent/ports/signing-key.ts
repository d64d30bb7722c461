import type { Address } from "../base/address.ts"

/** An Ed25519 key that signs whatever it is given. */
export interface SigningKey {
  readonly address: Address
  /** 64 hex digits. */
  readonly publicKey: string
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Uint8Array
}
