import assert from "node:assert/strict"
import { getHeapStatistics } from "node:v8"
import { fromHex, toHex } from "../../../agent/base/bytes.ts"
import { CANONICAL_ITEMS_MAX } from "../../../agent/base/limits.ts"
import { type Canonical, canonicalJson, decodeCanonical, encodeCanonical } from "../../../agent/base/canonical.ts"

const nested = (depth: number): Canonical => (depth === 0 ? [] : [nested(depth - 1)])

describe("canonical CBOR", () => {
  const pairs: [Canonical, string][] = [
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [255, "18ff"],
    [256, "190100"],
    [65_535, "19ffff"],
    [65_536, "1a00010000"],
    [2 ** 32 - 1, "1affffffff"],
    [2 ** 32, "1b0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
    [2n ** 53n, "1b0020000000000000"],
    [2n ** 64n - 1n, "1bffffffffffffffff"],
    [-1, "20"],
    [-24, "37"],
    [-25, "3818"],
    [-Number.MAX_SAFE_INTEGER, "3b001ffffffffffffe"],
    [-(2n ** 64n), "3bffffffffffffffff"],
    [new Uint8Array(0), "40"],
    [Uint8Array.of(1, 2), "420102"],
    ["", "60"],
    ["é\u{1F50C}", "66c3a9f09f948c"],
    ["\uFEFFa", "64efbbbf61"],
    [[], "80"],
    [[1, [true, null]], "820182f5f6"],
    [false, "f4"],
    [nested(31), `${"81".repeat(31)}80`],
  ]
  for (const [value, hex] of pairs)
    it(`writes and reads ${hex.slice(0, 30)}`, () => {
      assert.equal(toHex(encodeCanonical(value)), hex)
      assert.deepStrictEqual(decodeCanonical(fromHex(hex)!), { ok: true, value })
    })

  const refused: [string, string, string][] = [
    ["nothing", "", "the bytes end too early"],
    ["23 in two bytes", "1817", "a head longer than it needs to be"],
    ["255 in three bytes", "1900ff", "a head longer than it needs to be"],
    ["65535 in five bytes", "1a0000ffff", "a head longer than it needs to be"],
    ["2^32-1 in nine bytes", "1b00000000ffffffff", "a head longer than it needs to be"],
    ["a long length of text", "780161", "a head longer than it needs to be"],
    ["an indefinite array", "9fff", "indefinite lengths are not allowed"],
    ["indefinite bytes", "5f4100ff", "indefinite lengths are not allowed"],
    ["a reserved head", "1c", "reserved head"],
    ["a map", "a0", "maps are not allowed"],
    ["a tag", "c100", "tags are not allowed"],
    ["half, single and double floats", "f93c00", "floats, undefined and other simple values are not allowed"],
    ["undefined", "f7", "floats, undefined and other simple values are not allowed"],
    ["a break alone", "ff", "floats, undefined and other simple values are not allowed"],
    ["text cut within a letter", "61c3", "text that is not UTF-8"],
    ["an overlong letter", "62c080", "text that is not UTF-8"],
    ["a surrogate", "63eda080", "text that is not UTF-8"],
    ["bytes that end early", "4201", "the bytes end too early"],
    ["a head that ends early", "19ff", "the bytes end too early"],
    ["an array longer than the bytes", "9bffffffffffffffff", "the bytes end too early"],
    ["something after the item", "0000", "bytes after the item"],
    ["33 arrays in each other", `${"81".repeat(32)}80`, "more than 32 arrays in each other"],
    ["a hundred thousand arrays", "81".repeat(100_000), "more than 32 arrays in each other"],
  ]
  for (const [what, hex, reason] of refused)
    it(`refuses ${what}`, () => assert.deepEqual(decodeCanonical(fromHex(hex)!), { ok: false, reason }))

  const wrong: [string, unknown][] = [
    ["a fraction", 0.5],
    ["a number that is no safe integer", 2 ** 53],
    ["2^64", 2n ** 64n],
    ["-2^64-1", -(2n ** 64n) - 1n],
    ["a lone surrogate", "\uD800"],
    ["undefined", undefined],
    ["a map", {}],
    ["33 arrays in each other", nested(32)],
  ]
  for (const [what, value] of wrong)
    it(`does not encode ${what}`, () =>
      assert.throws(() => encodeCanonical(value as Canonical), { code: "NOT_CANONICAL" }))

  it("reads and writes CANONICAL_ITEMS_MAX items, and no more", () => {
    const list = (length: number) => Array.from({ length }, () => ["a", new Uint8Array(0)])
    const items = Math.floor(CANONICAL_ITEMS_MAX / 3)
    const bytes = encodeCanonical(list(items))
    assert.equal(decodeCanonical(bytes).ok, true)
    assert.throws(() => encodeCanonical(list(items + 1)), { code: "NOT_CANONICAL" })
    const more = Buffer.alloc(CANONICAL_ITEMS_MAX + 5)
    more.writeUInt8(0x9a)
    more.writeUInt32BE(CANONICAL_ITEMS_MAX, 1)
    assert.deepEqual(decodeCanonical(more), { ok: false, reason: "more items than there may be" })
  })

  it("reads at most as many items as it is asked for", () => {
    const bytes = encodeCanonical([1, [2, 3]])
    assert.equal(decodeCanonical(bytes, 5).ok, true)
    assert.deepEqual(decodeCanonical(bytes, 4), { ok: false, reason: "more items than there may be" })
  })

  it("takes little memory for a message of a mebibyte that is nothing but empty byte strings", () => {
    const bytes = new Uint8Array(2 ** 20 + 5).fill(0x40)
    bytes.set([0x9a, 0, 16, 0, 0])
    const before = getHeapStatistics().total_allocated_bytes
    assert.equal(decodeCanonical(bytes).ok, false)
    assert.ok(getHeapStatistics().total_allocated_bytes - before < 2 ** 22)
  })

  it("keeps what it decoded when the input is overwritten", () => {
    const bytes = fromHex("420102")!
    const decoded = decodeCanonical(bytes)
    bytes.fill(0)
    assert.deepStrictEqual(decoded, { ok: true, value: Uint8Array.of(1, 2) })
  })
})

describe("canonicalJson (RFC 8785)", () => {
  it("sorts members by UTF-16 code units, section 3.2.3", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert.deepEqual(Object.values(JSON.parse(canonicalJson(value).replace('"1":', '"_1":')) as object), [
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ])
  })

  it("writes numbers, literals and strings as in section 3.2.2", () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    }
    assert.equal(
      canonicalJson(value),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  for (const value of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    undefined,
    "\uDEAD",
    { "\uDEAD": 1 },
    1n,
    [undefined],
    new Uint8Array(1),
  ])
    it(`refuses ${typeof value === "bigint" ? "1n" : JSON.stringify(value)}`, () =>
      assert.throws(() => canonicalJson(value), { code: "NOT_CANONICAL" }))
})
