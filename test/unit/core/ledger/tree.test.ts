import assert from "node:assert/strict"
import fc from "fast-check"
import { toHex, utf8 } from "../../../../agent/base/bytes.ts"
import { sha256 } from "../../../../agent/base/hash.ts"
import { LedgerError } from "../../../../agent/core/ledger/error.ts"
import { decode, encode } from "../../../../agent/core/ledger/layout.ts"
import { decodeNode } from "../../../../agent/core/ledger/tree/node.ts"
import { isProven, placeOf, prove, treeProof, type TreeProof } from "../../../../agent/core/ledger/tree/proof.ts"
import { updateTree } from "../../../../agent/core/ledger/tree/update.ts"
import { slowRoot } from "../../../support/ledger/slow-tree.ts"
import { scaled } from "../../../support/scale.ts"

type Batch = Readonly<Record<string, number | null>>

/** A tree that is kept from batch to batch, beside the records that it stands for. */
class Kept {
  readonly records = new Map<string, Uint8Array>()
  readonly nodes = new Map<string, Uint8Array>()
  root = new Uint8Array(32)

  apply(batch: Batch): this {
    const changes = new Map<string, Uint8Array | null>()
    for (const [name, value] of Object.entries(batch)) {
      const bytes = value === null ? null : Uint8Array.of(value)
      if (bytes === null) this.records.delete(name)
      else this.records.set(name, bytes)
      changes.set(toHex(placeOf(name)), bytes && sha256(bytes))
    }
    const { root, nodes } = updateTree(this.at, changes)
    this.root = Uint8Array.from(root)
    for (const [path, bytes] of nodes) {
      if (bytes === null) this.nodes.delete(path)
      else this.nodes.set(path, bytes)
    }
    return this
  }

  readonly at = (path: string) => this.nodes.get(path) ?? null
}

const NAMES = Array.from({ length: 60 }, (_, i) => `account/${i}`)
const batches = fc.array(
  fc.dictionary(fc.constantFrom(...NAMES), fc.option(fc.nat(255)), { maxKeys: 20, noNullPrototype: true }),
  { minLength: 1, maxLength: 8 },
)
const numRuns = scaled(300, 4_000)
const many = (count: number): Batch =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`name/${i}`, i % 256]))

describe("the state tree", function () {
  this.timeout(600_000)

  it("has the root that the rules give for all its records, whatever came before them", () => {
    fc.assert(
      fc.property(batches, (all) => {
        const kept = new Kept()
        for (const batch of all) assert.equal(toHex(kept.apply(batch).root), slowRoot(kept.records))
        const fresh = new Kept().apply(Object.fromEntries([...kept.records].map(([name, [value]]) => [name, value!])))
        assert.deepEqual(new Map([...fresh.nodes].sort()), new Map([...kept.nodes].sort()))
      }),
      { numRuns },
    )
  })

  it("has the root that it had from the first", () => {
    assert.equal(toHex(new Kept().root), "0".repeat(64))
    assert.equal(
      toHex(new Kept().apply({ "account/0": 1 }).root),
      "f30e635c1e6628d8410710e5861f30af376336f6e30317f5e2e687f650f37a0d",
    )
    assert.equal(
      toHex(new Kept().apply(many(1000)).root),
      "26096eb2657c44c1ae5c2b7d4c97a213a1ff056445d2c9227bca12f0ea9f5385",
    )
  })

  it("keeps nothing of what has gone", () => {
    const kept = new Kept().apply(many(500))
    kept.apply(Object.fromEntries(Object.keys(many(500)).map((name) => [name, null])))
    assert.deepEqual([...kept.nodes], [])
    assert.deepEqual(kept.root, new Uint8Array(32))
  })

  it("proves every record that it holds, and that others are not there", () => {
    fc.assert(
      fc.property(batches, (all) => {
        const kept = new Kept()
        for (const batch of all) kept.apply(batch)
        for (const name of NAMES) {
          const value = kept.records.get(name) ?? null
          const proof = decode(treeProof, encode(treeProof, prove(kept.at, name)))!
          assert.ok(isProven(kept.root, name, value, proof), name)
          assert.ok(!isProven(kept.root, name, Uint8Array.of(1, 2), proof), name)
          if (value !== null) assert.ok(!isProven(kept.root, name, null, proof), name)
        }
      }),
      { numRuns: numRuns / 10 },
    )
  })

  const kept = new Kept().apply(many(300))
  const there = prove(kept.at, "name/7")
  const gone = NAMES.map((name) => prove(kept.at, name)).find(({ other }) => other !== null)!
  const goneName = NAMES.find((name) => prove(kept.at, name).other !== null)!
  const free = NAMES.find((name) => prove(kept.at, name).other === null)!
  const leafAt = (name: string) => ({ key: toHex(placeOf(name)), value: toHex(sha256(kept.records.get(name)!)) })
  const forged: Readonly<Record<string, readonly [name: string, value: number | null, proof: TreeProof]>> = {
    "a proof of another name": ["name/8", 8, there],
    "a sibling less": ["name/7", 7, { ...there, siblings: there.siblings.slice(1) }],
    "a sibling more": ["name/7", 7, { ...there, siblings: [...there.siblings, null] }],
    "a sibling changed": ["name/7", 7, { ...there, siblings: there.siblings.with(0, null) }],
    "absence of what is there": ["name/7", null, there],
    "absence beside the name's own leaf": ["name/7", null, { ...there, other: leafAt("name/7") as TreeProof["other"] }],
    "absence beside a leaf that stands elsewhere": [
      "name/7",
      null,
      { ...prove(kept.at, "name/8"), other: leafAt("name/8") as TreeProof["other"] },
    ],
    "presence with a leaf beside it": [goneName, 1, gone],
    "presence where nothing is": [free, 1, prove(kept.at, free)],
  }
  for (const [what, [name, value, proof]] of Object.entries(forged)) {
    it(`does not take ${what}`, () => {
      assert.ok(!isProven(kept.root, name, value === null ? null : Uint8Array.of(value), proof))
    })
  }

  it("proves in a few hundred bytes", () => {
    const { at } = new Kept().apply(many(scaled(10_000, 200_000)))
    const sizes = NAMES.map((_, i) => encode(treeProof, prove(at, `name/${i}`)).length)
    const mean = sizes.reduce((sum, size) => sum + size) / sizes.length
    assert.ok(mean < scaled(600, 750), `${mean} bytes`)
  })

  it("refuses nodes that are damaged or missing", () => {
    const root = kept.nodes.get("")!
    assert.throws(() => decodeNode(root.subarray(1)), damage)
    assert.throws(() => decodeNode(Uint8Array.of()), damage)
    assert.throws(() => decodeNode(Uint8Array.of(0, 1, 0, 1, ...new Uint8Array(64))), damage)
    const torn = (path: string) => (path === "" ? root : null)
    assert.throws(() => prove(torn, "name/7"), damage)
    assert.throws(() => updateTree(torn, new Map([[toHex(placeOf("name/7")), null]])), damage)
  })

  it("has a place for a name by the hash of its letters", () => {
    assert.deepEqual(placeOf("account/1"), sha256(utf8("account/1")))
  })
})

function damage(error: unknown): boolean {
  return error instanceof LedgerError && error.code === "STATE_DAMAGED"
}
