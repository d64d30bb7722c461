import assert from "node:assert/strict"
import fc from "fast-check"
import { type Canonical, decodeCanonical, encodeCanonical } from "../../agent/base/canonical.ts"
import { scaled } from "../support/scale.ts"

const numRuns = scaled(5_000, 500_000)

const leaf: fc.Arbitrary<Canonical> = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).filter((value) => !Number.isSafeInteger(Number(value))),
  fc.string({ unit: "binary" }),
  fc.uint8Array(),
  fc.boolean(),
  fc.constant(null),
)
const { value: canonical } = fc.letrec<{ value: Canonical }>((tie) => ({
  value: fc.oneof({ maxDepth: 8, withCrossShrink: true }, leaf, fc.array(tie("value"), { maxLength: 5 })),
}))

/** Bytes that look like CBOR more often than noise does. */
const nearly = fc
  .tuple(canonical, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(3))
  .map(([value, edits, cut]) => {
    const bytes = encodeCanonical(value)
    for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte
    return bytes.subarray(0, bytes.length - Math.min(cut, bytes.length))
  })

describe("canonical CBOR, any input", function () {
  this.timeout(600_000)

  it("reads back every value that it writes", () => {
    fc.assert(
      fc.property(canonical, (value) => {
        assert.deepStrictEqual(decodeCanonical(encodeCanonical(value)), { ok: true, value: plain(value) })
      }),
      { numRuns },
    )
  })

  it("never throws, and what it accepts has exactly these bytes", () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        const decoded = decodeCanonical(bytes)
        if (decoded.ok) assert.deepEqual(Buffer.from(encodeCanonical(decoded.value)), Buffer.from(bytes))
        else assert.notEqual(decoded.reason, "")
      }),
      { numRuns },
    )
  })
})

/** -0 has no encoding of its own. */
function plain(value: Canonical): Canonical {
  if (Array.isArray(value)) return (value as readonly Canonical[]).map(plain)
  return Object.is(value, -0) ? 0 : value
}
