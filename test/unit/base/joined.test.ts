import assert from "node:assert/strict"
import { joined } from "../../../agent/base/joined.ts"

describe("joined names", () => {
  it("are the two parts, however many there are", () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10_000; i++) assert.equal(joined(`a${i % 70}`, `b${i}`), `a${i % 70}/b${i}`)
    }
  })

  it("keep the order of their parts, and parts that look like members of an object", () => {
    assert.deepEqual(
      [joined("a", "b"), joined("b", "a"), joined("__proto__", "constructor")],
      ["a/b", "b/a", "__proto__/constructor"],
    )
  })
})
