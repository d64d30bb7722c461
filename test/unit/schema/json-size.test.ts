import assert from "node:assert/strict"
import * as fc from "fast-check"
import { EVENT_DATA_BYTES_MAX } from "../../../agent/base/limits.ts"
import { dataLength, isLarge } from "../../../agent/schema/json-size.ts"
import type { Json } from "../../../agent/schema/json.ts"

const bytesOf = (data: Json) => Buffer.byteLength(JSON.stringify(data))

describe("the size of an event's data", () => {
  it("is never estimated so low that what is too large passes", () => {
    const json = fc.jsonValue({ stringUnit: "binary" }) as fc.Arbitrary<Json>
    fc.assert(fc.property(json, (data) => bytesOf(data) <= dataLength(data) * 6))
  })

  const border: readonly { name: string; of: (bytes: number) => Json }[] = [
    { name: "a text", of: (bytes) => "a".repeat(bytes) },
    { name: "a list of texts", of: (bytes) => ["a".repeat(bytes - 4)] },
    { name: "a text that JSON has to escape", of: (bytes) => ["\u0000".repeat((bytes - 4 - (bytes % 6)) / 6), ""] },
    { name: "numbers of many digits", of: (bytes) => ["a".repeat(bytes % 26), ...numbers(bytes)] },
    { name: "a text of many bytes for a character", of: (bytes) => ({ a: "€".repeat((bytes - 8) / 3) }) },
  ]
  for (const { name, of } of border) {
    it(`of ${name} is told to the byte`, () => {
      for (let bytes = EVENT_DATA_BYTES_MAX - 40; bytes < EVENT_DATA_BYTES_MAX + 40; bytes++) {
        const data = of(bytes)
        const text = typeof data === "string" ? data : JSON.stringify(data)
        assert.equal(isLarge(data), Buffer.byteLength(text) > EVENT_DATA_BYTES_MAX, `${bytes} bytes`)
      }
    })
  }
})

function numbers(bytes: number): readonly number[] {
  return Array.from({ length: Math.floor((bytes - 30) / 25) }, () => -1.2345678901234567e-100)
}
