import * as v from "valibot"
import { fromHex } from "../../agent/base/bytes.ts"
import { verifySignature } from "../../agent/io/keys/verify.ts"

const Text = (name: string) => v.string(`a line is {"pk","msg","sig"}, each a text of hex digits; \`${name}\` is none`)
const LineSchema = v.object(
  { pk: Text("pk"), msg: Text("msg"), sig: Text("sig") },
  `a line is {"pk","msg","sig"}, each a text of hex digits`,
)

/** @param line `{"pk","msg","sig"}` in hex @returns `true` or `false` */
export function answer(line: string): string {
  const { pk, msg, sig } = v.parse(LineSchema, JSON.parse(line))
  const [key, message, signature] = [fromHex(pk), fromHex(msg), fromHex(sig)]
  return String(key !== null && message !== null && signature !== null && verifySignature(key, message, signature))
}
