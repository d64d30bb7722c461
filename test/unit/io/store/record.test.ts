import assert from "node:assert/strict"
import { decodeRecord, encodeRecord } from "../../../../agent/io/store/record.ts"

const KEY = Buffer.from("key")

describe("a record keeps", () => {
  const values: { what: string; value: unknown }[] = [
    { what: "a member that is called __proto__", value: JSON.parse('{"a":1,"__proto__":{"b":[{"__proto__":2}]}}') },
    { what: "the text __proto__, beside bytes", value: { text: "__proto__", bytes: Uint8Array.of(1, 2) } },
    {
      what: "members with other names that JavaScript knows",
      value: { constructor: 1, toString: null, prototype: [] },
    },
    { what: "numbers, as they were", value: [0, -1, 1.5, 2 ** 53 - 1, -(2 ** 40)] },
  ]
  for (const { what, value } of values) {
    it(what, () => {
      const decoded = decodeRecord(KEY, encodeRecord(KEY, value))
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.value, value)
      assert.equal(JSON.stringify(decoded.value), JSON.stringify(value))
    })
  }
})
