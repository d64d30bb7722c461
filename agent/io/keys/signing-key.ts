import { addressOf } from "../../base/address.ts"
import { toHex } from "../../base/bytes.ts"
import type { SigningKey } from "../../ports/signing-key.ts"
import { signingKey } from "./ed25519.ts"

/** @param seed 32 bytes */
export function openSigningKey(seed: Uint8Array): SigningKey {
  const { publicKey, sign } = signingKey(seed)
  return { address: addressOf(publicKey), publicKey: toHex(publicKey), sign }
}
