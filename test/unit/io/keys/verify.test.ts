import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { fromHex } from "../../../../agent/base/bytes.ts"
import { isRegistrableKey, verifyRegistered, verifySignature } from "../../../../agent/io/keys/verify.ts"

interface Vector {
  readonly kind: string
  readonly pk: string
  readonly msg: string
  readonly sig: string
  readonly expect: boolean
}

const vectors = readFileSync(new URL("../../../golden/ed25519.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Vector)

const verdict = ({ pk, msg, sig }: Vector) => verifySignature(fromHex(pk)!, fromHex(msg)!, fromHex(sig)!)

describe("verifySignature", () => {
  for (const kind of new Set(vectors.map((vector) => vector.kind)))
    it(`gives the one verdict on: ${kind}`, () => {
      for (const vector of vectors.filter((each) => each.kind === kind))
        assert.equal(verdict(vector), vector.expect, JSON.stringify(vector))
    })

  const good = vectors.find(({ expect }) => expect)!
  const [key, message, signature] = [fromHex(good.pk)!, fromHex(good.msg)!, fromHex(good.sig)!]

  it("agrees with the fast verdict for keys that were registered", () => {
    for (const vector of vectors.filter(({ pk }) => isRegistrableKey(fromHex(pk)!)))
      assert.equal(
        verifyRegistered(fromHex(vector.pk)!, fromHex(vector.msg)!, fromHex(vector.sig)!),
        vector.expect,
        JSON.stringify(vector),
      )
  })

  it("refuses each signature that differs by one bit", () => {
    for (let bit = 0; bit < signature.length * 8; bit++) {
      const other = signature.slice()
      other[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(verifyRegistered(key, message, other), false, `bit ${bit}`)
    }
  })

  for (const [what, pk, sig] of [
    ["a key too short", key.subarray(1), signature],
    ["a key too long", new Uint8Array([...key, 0]), signature],
    ["a signature too short", key, signature.subarray(1)],
    ["a signature too long", key, new Uint8Array([...signature, 0])],
    ["nothing", new Uint8Array(0), new Uint8Array(0)],
  ] as const)
    it(`refuses ${what} without a throw`, () => assert.equal(verifySignature(pk, message, sig), false))
})
