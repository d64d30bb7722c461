import assert from "node:assert/strict"
import fc from "fast-check"
import { toHex } from "../../../../agent/base/bytes.ts"
import { sha256 } from "../../../../agent/base/hash.ts"
import { SNAPSHOT_CHUNK_BYTES_MAX } from "../../../../agent/base/network-limits.ts"
import { type Chunk, chunkOf, encodeChunk, isChunk, readChunk } from "../../../../agent/core/ledger/tree/chunk.ts"
import { placeOf } from "../../../../agent/core/ledger/tree/proof.ts"
import { type TreeUpdate, updateTree } from "../../../../agent/core/ledger/tree/update.ts"
import { scaled } from "../../../support/scale.ts"

const HEX = Array.from({ length: 16 }, (_, digit) => digit.toString(16))

/** The parts of a state of so many records, by as many digits of their places. */
function parted(count: number, length: number): { readonly tree: TreeUpdate; readonly chunks: readonly Chunk[] } {
  const records = Array.from({ length: count }, (_, i) => ({
    name: `name/${i}`,
    value: Uint8Array.of(i & 255, i >> 8),
  }))
  const placed = records.map((one) => ({ ...one, place: toHex(placeOf(one.name)) }))
  const tree = updateTree(() => null, new Map(placed.map(({ place, value }) => [place, sha256(value)])))
  let prefixes = [""]
  for (let i = 0; i < length; i++) prefixes = prefixes.flatMap((prefix) => HEX.map((digit) => prefix + digit))
  const chunks = prefixes.map((digits) => {
    const own = placed.filter(({ place }) => place.startsWith(digits)).map(({ name, value }) => ({ name, value }))
    return chunkOf((path) => tree.nodes.get(path) ?? null, digits, own)
  })
  return { tree, chunks }
}

describe("the parts of a snapshot", function () {
  this.timeout(600_000)

  it("are each proven by themselves, and together give the state", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(5), fc.nat(400)), fc.nat(2), (count, length) => {
        const { tree, chunks } = parted(count, length)
        const all = new Map<string, Uint8Array>()
        for (const chunk of chunks) {
          assert.ok(isChunk(tree.root, readChunk(encodeChunk(chunk))!), chunk.digits)
          for (const { name, value } of chunk.records) all.set(toHex(placeOf(name)), sha256(value))
        }
        assert.equal(all.size, count)
        const again = updateTree(() => null, all)
        assert.deepEqual(again.root, tree.root)
        assert.deepEqual(new Map([...again.nodes].sort()), new Map([...tree.nodes].sort()))
      }),
      { numRuns: scaled(60, 1_000) },
    )
  })

  it("cannot lack a record, hold one more, or one that is changed or stands elsewhere", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 2 }),
        fc.nat(),
        (count, length, which) => {
          const { tree, chunks } = parted(count, length)
          const full = chunks.filter(({ records }) => records.length > 0)
          const chunk = full[which % full.length]!
          const { records, digits } = chunk
          const [first, ...rest] = records
          const stranger = chunks.find((one) => one.digits !== digits && one.records.length > 0)?.records[0]
          const more = { name: `more/${which}`, value: Uint8Array.of(1) }
          const lies: readonly Partial<Chunk>[] = [
            { records: rest },
            { records: [...records, first!] },
            { records: [...records, more] },
            { records: [{ ...first!, value: Uint8Array.of(1, 2, 3) }, ...rest] },
            ...(stranger === undefined ? [] : [{ records: [...records, stranger] }]),
            { siblings: [...chunk.siblings, null] },
            // Of a state of one record it is true of any place above it.
            ...(count > 1 ? [{ siblings: chunk.siblings.slice(1), digits: digits.slice(1) }] : []),
            ...(chunk.siblings.length > 0 ? [{ siblings: chunk.siblings.slice(0, -1) }] : []),
            {
              records: [],
              other: { key: toHex(placeOf(first!.name)), value: toHex(sha256(first!.value)) } as Chunk["other"],
            },
          ]
          for (const lie of lies) assert.ok(!isChunk(tree.root, { ...chunk, ...lie }), JSON.stringify(lie))
        },
      ),
      { numRuns: scaled(100, 3_000) },
    )
  })

  it("are read only where they are not too long, and their digits are digits", () => {
    const [chunk] = parted(3, 0).chunks
    assert.equal(readChunk(encodeChunk({ ...chunk!, digits: "A" })), null)
    assert.equal(readChunk(new Uint8Array(SNAPSHOT_CHUNK_BYTES_MAX + 1)), null)
  })
})
