import assert from "node:assert/strict"
import { join } from "node:path"
import { LmdbStore } from "../../agent/io/store/store.ts"
import type { Change, Key, Range, Store } from "../../agent/ports/store.ts"
import { KeptLog } from "../support/kept-log.ts"
import { MemoryStore } from "../support/memory-store.ts"
import { tempDir } from "../support/temp-dir.ts"

interface Subject {
  readonly store: Store
  stop(): Promise<void>
}

const MIB = 2 ** 20

async function real(quotaBytes = 64 * MIB): Promise<Subject> {
  const dir = join(tempDir("store"), "data")
  const store = new LmdbStore({ dir, quotaBytes, copies: 0, log: new KeptLog() })
  await store.start()
  return { store, stop: () => store.stop() }
}

async function memory(quotaBytes = 64 * MIB): Promise<Subject> {
  return { store: new MemoryStore({ quotaBytes }), stop: async () => undefined }
}

const put = (key: Key, value: unknown = null, table = "tab"): Change => ({ put: table, key, value })
const remove = (key: Key, table = "tab"): Change => ({ remove: table, key })

for (const [name, make] of [
  ["LmdbStore", real],
  ["MemoryStore", memory],
] as const) {
  describe(`Store contract: ${name}`, () => {
    let subject: Subject
    let store: Store

    beforeEach(async () => {
      subject = await make()
      store = subject.store
    })
    afterEach(() => subject.stop())

    const keys = (range?: Range, table = "tab") => [...store.range(table, range)].map(({ key }) => key)

    const values: [string, unknown][] = [
      ["null", null],
      ["a whole number past 2^32", 2 ** 53 - 1],
      ["a negative fraction", -0.1],
      ["text beyond the basic plane", "électrique \u{1F50C}"],
      ["bytes", { bytes: Uint8Array.of(0, 255) }],
      ["nested arrays and objects", { v: 1, list: [1, [2, { three: "3" }]], none: [], empty: {} }],
      ["a bigint past 2^63", { amount: 2n ** 96n - 1n }],
      ["a value of many pages", { text: "x".repeat(100_000), bytes: new Uint8Array(50_000).fill(7) }],
    ]
    for (const [what, value] of values)
      it(`gives back ${what} as it was`, async () => {
        await store.write([put(["k"], value)])
        assert.deepStrictEqual(store.get("tab", ["k"]), value)
        assert.deepStrictEqual([...store.range("tab")], [{ key: ["k"], value }])
      })

    it("knows nothing of a key that was never written", () => {
      assert.equal(store.get("tab", ["nothing"]), undefined)
      assert.equal(store.count("tab"), 0)
    })

    it("keeps tables apart, also when one's name begins with the other's", async () => {
      await store.write([put([1], "a", "ta"), put([1], "b", "tab"), put([1], "c", "tabs")])
      assert.deepEqual([...store.range("tab")], [{ key: [1], value: "b" }])
      assert.deepEqual([...store.range("tab", { reverse: true })], [{ key: [1], value: "b" }])
    })

    it("takes a value as it is at the call", async () => {
      const value = { list: [1] }
      const written = store.write([put(["k"], value)])
      value.list.push(2)
      await written
      assert.deepEqual(store.get("tab", ["k"]), { list: [1] })
    })

    it("gives a reader its own copy", async () => {
      await store.write([put(["k"], { list: [1], bytes: Uint8Array.of(1) })])
      const first = store.get("tab", ["k"]) as { list: number[]; bytes: Uint8Array }
      first.list.push(2)
      first.bytes[0] = 9
      await store.write([put(["other"], "x".repeat(1000))])
      store.get("tab", ["other"])
      assert.deepEqual(store.get("tab", ["k"]), { list: [1], bytes: Uint8Array.of(1) })
    })

    it("applies the changes of one write in their order", async () => {
      await store.write([put(["k"], 1), remove(["k"]), put(["k"], 2), put(["l"], 1), remove(["l"])])
      assert.equal(store.get("tab", ["k"]), 2)
      assert.equal(store.get("tab", ["l"]), undefined)
    })

    it("applies concurrent writes in the order they were asked for", async () => {
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.write([put(["k"], i)])))
      assert.equal(store.get("tab", ["k"]), 99)
    })

    it("takes the removal of what is not there for done", async () => {
      await store.write([remove(["nothing"])])
      await store.write([])
      assert.equal(store.count("tab"), 0)
    })

    const sorted: Key[] = [
      [Number.NEGATIVE_INFINITY],
      [-1e300],
      [-2],
      [-1.5],
      [0],
      [0, "a"],
      [0.5],
      [1],
      [1, 0],
      [1, 0, "x"],
      [1, ""],
      [1, "\0"],
      [1, "a"],
      [2],
      [10],
      [255],
      [255, 255],
      [255.5],
      [256],
      [2 ** 40],
      [2 ** 48 - 1],
      [2 ** 48 - 0.5],
      [2 ** 48],
      [Number.MAX_SAFE_INTEGER],
      [Number.POSITIVE_INFINITY],
      [""],
      ["\0"],
      ["\0", 1],
      ["\0\0"],
      ["a"],
      ["a", -1],
      ["a", 1],
      ["a", "b"],
      ["a\0"],
      ["a\0b"],
      ["a\u0001"],
      ["aa"],
      ["b"],
      ["é"],
      ["\uFFFD"],
      ["\u{1F50C}"],
    ]
    it("sorts by parts: numbers numerically, then strings by UTF-8 bytes, short keys first", async () => {
      const shuffled = [...sorted].sort((a, b) => JSON.stringify(a).length - JSON.stringify(b).length).reverse()
      for (const key of shuffled) await store.write([put(key)])
      assert.deepEqual(keys(), sorted)
      assert.deepEqual(keys({ reverse: true }), [...sorted].reverse())
    })

    const ranges: [string, Range, Key[]][] = [
      ["a prefix", { prefix: ["a"] }, [["a"], ["a", -1], ["a", 1], ["a", "b"]]],
      ["a prefix that ends in a number", { prefix: [1] }, [[1], [1, 0], [1, 0, "x"], [1, ""], [1, "\0"], [1, "a"]]],
      ["a prefix backwards", { prefix: ["a"], reverse: true }, [["a", "b"], ["a", 1], ["a", -1], ["a"]]],
      ["a number prefix backwards", { prefix: [0], reverse: true }, [[0, "a"], [0]]],
      [
        "start, inclusive, and end, exclusive",
        { start: [1, 0], end: [1, "a"] },
        [
          [1, 0],
          [1, 0, "x"],
          [1, ""],
          [1, "\0"],
        ],
      ],
      ["start and end backwards", { start: [1, 0], end: [0], reverse: true }, [[1, 0], [1], [0.5], [0, "a"]]],
      ["a start between two keys", { start: [1.7], end: [10] }, [[2]]],
      [
        "a start between two keys, backwards",
        { start: [1.7], limit: 2, reverse: true },
        [
          [1, "a"],
          [1, "\0"],
        ],
      ],
      [
        "start within a prefix",
        { prefix: ["a"], start: ["a", 1] },
        [
          ["a", 1],
          ["a", "b"],
        ],
      ],
      ["end within a prefix", { prefix: ["a"], end: ["a", 1] }, [["a"], ["a", -1]]],
      [
        "end below a prefix, backwards",
        { prefix: ["a"], end: ["\0"], reverse: true, limit: 9 },
        [["a", "b"], ["a", 1], ["a", -1], ["a"]],
      ],
      ["a limit", { limit: 2 }, [[Number.NEGATIVE_INFINITY], [-1e300]]],
      ["a limit of none", { limit: 0 }, []],
      ["nothing where end is before start", { start: ["b"], end: ["a"] }, []],
      ["nothing under an unknown prefix", { prefix: ["zz"] }, []],
    ]
    for (const [what, range, expected] of ranges)
      it(`walks ${what}`, async () => {
        await store.write(sorted.map((key) => put(key)))
        await store.write([put(["a"], 0, "taa"), put(["a"], 0, "tac")])
        assert.deepEqual(keys(range), expected)
        assert.equal(store.count("tab", range), expected.length)
      })

    it("lets a walk be left half-way and the store be written meanwhile", async () => {
      await store.write(sorted.map((key) => put(key)))
      for (const { key } of store.range("tab")) {
        await store.write([remove(key)])
        break
      }
      assert.equal(store.count("tab"), sorted.length - 1)
    })

    for (const key of [[Number.NaN], ["\uD800"], ["x".repeat(2000)]])
      it(`refuses the key ${JSON.stringify(key).slice(0, 20)} and writes nothing of that write`, async () => {
        if (name === "MemoryStore") return
        await assert.rejects(store.write([put(["fine"]), put(key)]), { code: "KEY_INVALID" })
        await store.write([put(["after"])])
        assert.deepEqual(keys(), [["after"]])
      })

    it("refuses what only puts once the quota's ordinary part is full, and lets removing go on", async () => {
      await subject.stop()
      subject = await make(1 * MIB)
      store = subject.store
      const block = { text: "x".repeat(10_000) }
      let kept = 0
      let refused: unknown = null
      while (refused === null && kept < 1000)
        await store.write([put([kept], block)]).then(
          () => kept++,
          (error: unknown) => {
            refused = error
          },
        )
      assert.equal((refused as { code?: string }).code, "QUOTA")
      assert.equal(store.count("tab"), kept)
      assert.ok(store.usage().bytes <= MIB, `${store.usage().bytes} bytes`)
      await store.write([put(["finished"], 1)], { reserve: true })
      await store.write([remove([0]), put(["replaced"], 1)])
      assert.equal(store.count("tab"), kept + 1)
      for (let i = 1; i < kept; i++) await store.write([remove([i])])
      await store.write([put(["again"], block)])
      assert.deepEqual(store.get("tab", ["again"]), block)
    })

    it("refuses to back up when it was already cancelled", async () => {
      await assert.rejects(store.backup(join(tempDir("backup"), "b.mesg"), AbortSignal.abort()))
    })
  })
}
