import assert from "node:assert/strict"
import { fromUtf8 } from "../../../agent/base/bytes.ts"
import { SIGNING_PURPOSES, signingBytes } from "../../../agent/base/signing.ts"

const CHAIN = new Uint8Array(32).fill(7)
const PAYLOAD = Uint8Array.of(1, 2, 3)

describe("signing bytes", () => {
  it("are the tag, a zero, the chain and the payload", () => {
    const bytes = signingBytes("service", CHAIN, PAYLOAD)
    assert.equal(fromUtf8(bytes.subarray(0, 16)), "mesg/v1/service\0")
    assert.deepEqual(bytes.subarray(16, 48), CHAIN)
    assert.deepEqual(bytes.subarray(48), PAYLOAD)
  })

  it("of one purpose are never those of another, whatever is signed", () => {
    // A tag ends in a zero and has none in it: so none begins with another one.
    const tags = SIGNING_PURPOSES.map((purpose) => {
      const bytes = signingBytes(purpose, CHAIN, new Uint8Array())
      return fromUtf8(bytes.subarray(0, bytes.length - 32))!
    })
    assert.equal(new Set(tags).size, SIGNING_PURPOSES.length)
    for (const tag of tags) assert.equal(tag.indexOf("\0"), tag.length - 1)
  })

  it("are of one chain only", () => {
    const other = new Uint8Array(32).fill(8)
    assert.notDeepEqual(signingBytes("transaction", CHAIN, PAYLOAD), signingBytes("transaction", other, PAYLOAD))
    assert.throws(() => signingBytes("transaction", new Uint8Array(31), PAYLOAD), RangeError)
  })
})
