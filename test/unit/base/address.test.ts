import assert from "node:assert/strict"
import fc from "fast-check"
import { type Address, addressOf, readAddress, showAddress } from "../../../agent/base/address.ts"
import { fromHex } from "../../../agent/base/bytes.ts"

/** RFC 8032, section 7.1, test 1. */
const KEY = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")!
const SHOWN = "mesg1y8lrrhap2j3xzcntlp2qgm7jyudhhm2tqcenqs"

describe("an address", () => {
  it("is the first twenty bytes of the key's SHA-256", () => {
    assert.equal(addressOf(KEY), "21fe31dfa154a261626bf854046fd2271b7bed4b")
  })

  it("is shown with a checksum and read back", () => {
    assert.equal(showAddress(addressOf(KEY)), SHOWN)
    assert.equal(readAddress(SHOWN), addressOf(KEY))
    assert.equal(readAddress(SHOWN.toUpperCase()), addressOf(KEY))
  })

  it("is read back whatever it is", () => {
    const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 })
    fc.assert(fc.property(bytes, (raw) => readAddress(showAddress(raw.toHex() as Address)) === raw.toHex()))
  })

  const cases = [
    { name: "another character", text: SHOWN.replace("8l", "8m") },
    { name: "two characters changed places", text: SHOWN.replace("xz", "zx") },
    { name: "both cases", text: SHOWN.replace("y", "Y") },
    { name: "another chain's prefix", text: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" },
    { name: "no address", text: "mesg" },
    { name: "an empty text", text: "" },
  ]
  for (const { name, text } of cases) it(`is not read from ${name}`, () => assert.equal(readAddress(text), null))

  it("is not read where one character is another, wherever it stands", () => {
    const digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    for (let at = "mesg1".length; at < SHOWN.length; at++) {
      for (const digit of digits) {
        if (digit !== SHOWN[at]) assert.equal(readAddress(SHOWN.slice(0, at) + digit + SHOWN.slice(at + 1)), null)
      }
    }
  })
})
