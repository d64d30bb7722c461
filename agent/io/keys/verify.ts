import { createPublicKey, type KeyObject, verify } from "node:crypto"
import { Point } from "@noble/ed25519"
import { concatBytes } from "../../base/bytes.ts"

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** DER of an SPKI Ed25519 key up to its 32 bytes (RFC 8410, section 4). */
const SPKI_HEAD = Uint8Array.fromHex("302a300506032b6570032100")
/** 2^255 - 19 */
const FIELD = (1n << 255n) - 19n
/** Order of the base point (RFC 8032, section 5.1). */
const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n

/**
 * The one verdict on a signature, the same on every machine: the key is registrable, R is canonical, S < L and the
 * cofactorless equation of RFC 8032 holds.
 * @returns false for anything else, whatever the lengths; never throws
 * @see docs/spec/store.md#signatures
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  // The cheap verdict first: a peer must not buy a point check with noise.
  return verifyRegistered(publicKey, message, signature) && isRegistrableKey(publicKey)
}

/**
 * The verdict for a key that {@link isRegistrableKey} has passed once, at about a tenth of its price.
 * For other keys its answer means nothing: verifiers disagree on them.
 */
export function verifyRegistered(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  if (!isCanonicalPoint(signature.subarray(0, 32)) || littleEndian(signature.subarray(32)) >= ORDER) return false
  const key = importKey(publicKey)
  return key !== null && verify(null, message, key, signature)
}

/** @returns whether the bytes are a canonical encoding of a point without torsion that is not of small order */
export function isRegistrableKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false
  try {
    const point = Point.fromBytes(publicKey)
    return !point.isSmallOrder() && point.isTorsionFree()
  } catch {
    // The one thing that noble says by throwing: these bytes are no canonical point.
    return false
  }
}

/** y below the field's prime, and no sign on the two points whose x is 0. Whether x exists is the equation's to say. */
function isCanonicalPoint(bytes: Uint8Array): boolean {
  const y = littleEndian(bytes) & ((1n << 255n) - 1n)
  const sign = bytes[31]! >= 0x80
  return y < FIELD && !(sign && (y === 1n || y === FIELD - 1n))
}

function importKey(publicKey: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(concatBytes(SPKI_HEAD, publicKey)), format: "der", type: "spki" })
  } catch {
    // OpenSSL says so of bytes that are no key for it.
    return null
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`)
}
