import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { concatBytes, toHex, utf8 } from "../../base/bytes.ts"
import type { Keys } from "../../ports/keys.ts"
import { signingKey } from "./ed25519.ts"
import { keyFile } from "./key-file.ts"

/** Of each key of a home. */
export const KEY_BYTES = 32
/** Files whose loss makes a home another node: they leave it only sealed under a passphrase. */
export const KEY_NAMES = ["node.key", "seal.key"] as const
const NONCE_BYTES = 12
const TAG_BYTES = 16
const SEALED_V1 = 1
const PURPOSE = utf8("mesg seal v1")

/**
 * The keys of one home: `node.key` (the Ed25519 seed) and `seal.key`, 64 hex digits each, made at first start.
 * @param dir `<home>/keys`
 * @throws KeysError KEY_FILE_DAMAGED, KEY_FILE_EXPOSED (others may read it), KEYS_NOT_WRITABLE
 */
export function openKeys(dir: string): Keys {
  const node = signingKey(keyFile(dir, "node.key", KEY_BYTES))
  const sealKey = keyFile(dir, "seal.key", KEY_BYTES)
  return {
    nodeKey: toHex(node.publicKey),
    sign: node.sign,
    seal: (plain) => seal(sealKey, plain),
    open: (sealed) => unseal(sealKey, sealed),
  }
}

/** @returns version, nonce, ciphertext, tag. ChaCha20-Poly1305: gateways have no AES instructions. */
function seal(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(PURPOSE, { plaintextLength: plain.length })
  const body = cipher.update(plain)
  cipher.final()
  return concatBytes(Uint8Array.of(SEALED_V1), nonce, body, cipher.getAuthTag())
}

function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const bodyEnd = sealed.length - TAG_BYTES
  if (sealed[0] !== SEALED_V1 || bodyEnd < 1 + NONCE_BYTES) return null
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(bodyEnd))
  decipher.setAAD(PURPOSE, { plaintextLength: bodyEnd - 1 - NONCE_BYTES })
  const plain = decipher.update(sealed.subarray(1 + NONCE_BYTES, bodyEnd))
  try {
    decipher.final()
  } catch {
    // The one thing `final` says here: the tag does not match.
    return null
  }
  return new Uint8Array(plain)
}
