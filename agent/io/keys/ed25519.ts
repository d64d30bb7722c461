import { createPrivateKey, createPublicKey, sign } from "node:crypto"
import { concatBytes } from "../../base/bytes.ts"

/** DER of a PKCS #8 Ed25519 key up to its 32 bytes of seed (RFC 8410, section 7). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420")
/** DER of an SPKI Ed25519 key up to its 32 bytes. */
const SPKI_HEAD_BYTES = 12

export interface SigningKey {
  /** 32 bytes */
  readonly publicKey: Uint8Array
  /** @returns 64 bytes */
  sign(bytes: Uint8Array): Uint8Array
}

/** @param seed 32 bytes */
export function signingKey(seed: Uint8Array): SigningKey {
  const key = createPrivateKey({ key: Buffer.from(concatBytes(PKCS8_HEAD, seed)), format: "der", type: "pkcs8" })
  const spki = createPublicKey(key).export({ format: "der", type: "spki" })
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_HEAD_BYTES)),
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
  }
}
