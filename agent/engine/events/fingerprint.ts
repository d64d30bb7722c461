import { canonicalJson } from "../../base/canonical.ts"
import { toHex, utf8 } from "../../base/bytes.ts"
import { sha256 } from "../../base/hash.ts"
import type { Json } from "../../schema/json.ts"

const FINGERPRINT_BYTES = 8

/** @returns 16 hex digits that tell one piece of data from another; the order of an object's members says nothing */
export function fingerprintOf(data: Json): string {
  return toHex(sha256(utf8(canonicalJson(data))).subarray(0, FINGERPRINT_BYTES))
}
