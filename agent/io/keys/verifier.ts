import { fromHex } from "../../base/bytes.ts"
import { REGISTRABLE_KEYS_KEPT_MAX } from "../../base/network-limits.ts"
import type { Verifier } from "../../ports/verifier.ts"
import { isRegistrableKey, verifyRegistered } from "./verify.ts"

/** Verifies in this thread. What the point check of a key costs is paid once for each key. */
export function verifier(): Verifier {
  const registrable = new Set<string>()
  const isKnown = (key: string) => {
    if (registrable.has(key)) return true
    if (!isRegistrableKey(fromHex(key)!)) return false
    if (registrable.size >= REGISTRABLE_KEYS_KEPT_MAX) registrable.clear()
    registrable.add(key)
    return true
  }
  return {
    areGood: async (signed) =>
      // The cheap verdict first: a peer must not buy a point check with noise.
      signed.every(
        ({ key, message, signature }) => verifyRegistered(fromHex(key)!, message, fromHex(signature)!) && isKnown(key),
      ),
  }
}
