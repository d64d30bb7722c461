import assert from "node:assert/strict"
import fc from "fast-check"
import { decodeKey, encodeKey } from "../../agent/io/store/key.ts"
import type { Key } from "../../agent/ports/store.ts"
import { compareKeys } from "../support/memory-store.ts"
import { scaled } from "../support/scale.ts"

const number = fc.oneof(
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.maxSafeInteger(),
  fc.nat(70_000),
  fc.nat(1000).map((value) => value / 4),
)
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.constantFrom("", "\0", "\0\0", "a\0", "a"))
const key: fc.Arbitrary<Key> = fc.array(fc.oneof(number, text), { maxLength: 4 })
const numRuns = scaled(5_000, 200_000)

describe("keys of the store, any parts", function () {
  this.timeout(600_000)

  it("come back as they were", () => {
    fc.assert(
      fc.property(key, (parts) =>
        assert.deepEqual(decodeKey(encodeKey("tab", parts)), { table: "tab", key: plain(parts) }),
      ),
      { numRuns },
    )
  })

  it("sort by their bytes as by their parts", () => {
    fc.assert(
      fc.property(key, key, (a, b) =>
        assert.equal(
          Buffer.compare(encodeKey("tab", a), encodeKey("tab", b)),
          Math.sign(compareKeys(plain(a), plain(b))),
        ),
      ),
      { numRuns },
    )
  })

  it("lie within the bytes of a prefix exactly if they begin with its parts", () => {
    fc.assert(
      fc.property(key, key, fc.nat(4), (a, b, shared) => {
        const other = [...a.slice(0, shared), ...b]
        const within =
          Buffer.compare(encodeKey("tab", other), encodeKey("tab", a)) >= 0 &&
          Buffer.compare(encodeKey("tab", other), encodeKey("tab", a, true)) < 0
        const begins = a.length <= other.length && compareKeys(plain(a), plain(other.slice(0, a.length))) === 0
        assert.equal(within, begins)
      }),
      { numRuns },
    )
  })
})

/** -0 is the key 0. */
function plain(parts: Key): Key {
  return parts.map((part) => (part === 0 ? 0 : part))
}
