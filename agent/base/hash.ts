import { createHash } from "node:crypto"

/** @returns the 32 bytes of SHA-256 over the parts in order */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
