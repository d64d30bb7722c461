import assert from "node:assert/strict"
import { systemRandom } from "../../../../agent/io/keys/random.ts"

describe("the system's randomness", () => {
  for (const length of [0, 1, 10, 4096, 4097, 100_000]) {
    it(`gives ${length} bytes`, () => assert.equal(systemRandom.bytes(length).length, length))
  }

  it("gives no byte twice, over many fillings of its pool", () => {
    const seen = new Set<string>()
    for (let i = 0; i < 2000; i++) seen.add(Buffer.from(systemRandom.bytes(10)).toString("hex"))
    assert.equal(seen.size, 2000)
  })

  it("hands out memory of its own: what the caller does with it touches nobody else's", () => {
    const first = systemRandom.bytes(16)
    const copy = Uint8Array.from(first)
    for (let i = 0; i < 1000; i++) systemRandom.bytes(16).fill(0)
    assert.deepEqual(first, copy)
  })
})
