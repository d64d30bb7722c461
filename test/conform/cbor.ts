import { fromHex, toHex } from "../../agent/base/bytes.ts"
import { decodeCanonical, encodeCanonical } from "../../agent/base/canonical.ts"

/** @param line hex @returns `ok <hex of the re-encoding>` or `no <reason>` */
export function answer(line: string): string {
  const bytes = fromHex(line.trim())
  if (bytes === null) return "no not hex"
  const decoded = decodeCanonical(bytes)
  return decoded.ok ? `ok ${toHex(encodeCanonical(decoded.value))}` : `no ${decoded.reason}`
}
