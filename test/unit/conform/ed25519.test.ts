import assert from "node:assert/strict"
import { answer } from "../../conform/ed25519.ts"

describe("the conformance entry point ed25519", () => {
  for (const line of ["null", "{}", "[]", "7", '{"pk":1,"msg":"","sig":""}', '{"pk":"00","msg":""}']) {
    it(`says what a line is, given ${line}`, () => {
      assert.throws(() => answer(line), /^\w+: a line is \{"pk","msg","sig"\}, each a text of hex digits/)
    })
  }

  it("answers false for texts that are no hex digits", () => {
    assert.equal(answer('{"pk":"zz","msg":"","sig":""}'), "false")
  })
})
