import { fromHex } from "../../agent/base/bytes.ts"
import { verifySignature } from "../../agent/io/keys/verify.ts"

/** @param line `{"pk","msg","sig"}` in hex @returns `true` or `false` */
export function answer(line: string): string {
  const { pk, msg, sig } = JSON.parse(line) as { pk: string; msg: string; sig: string }
  const [key, message, signature] = [fromHex(pk), fromHex(msg), fromHex(sig)]
  return String(key !== null && message !== null && signature !== null && verifySignature(key, message, signature))
}
