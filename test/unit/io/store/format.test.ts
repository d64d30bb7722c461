import assert from "node:assert/strict"
import { cpSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { STORE_ENTRIES_PER_WORD } from "../../../../agent/base/limits.ts"
import { restoreBackup } from "../../../../agent/io/store/backup.ts"
import { FORMAT, type Migration } from "../../../../agent/io/store/format.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { newHome, storeIn } from "../../../support/lmdb-store.ts"

describe("the format of the store", () => {
  const home = async (format: number, migrations: readonly Migration[] = []) => {
    const dir = newHome()
    const store = storeIn(dir, { format: { current: format, migrations } })
    await store.start()
    await store.write([{ put: "tab", key: ["a"], value: { v: 1, text: "old" } }])
    await store.stop()
    return dir
  }
  const chain: readonly Migration[] = [
    {
      to: 2,
      changes: (store) =>
        [...store.range("tab")].map(({ key, value }) => ({ put: "tab", key, value: { ...(value as object), v: 2 } })),
    },
    { to: 3, changes: () => [{ put: "tab", key: ["b"], value: { v: 3 } }] },
  ]

  it("is refused with words by an agent that is older, and left as it is", async () => {
    const dir = await home(FORMAT + 1)
    await assert.rejects(storeIn(dir).start(), {
      code: "STORE_NEWER",
      message: new RegExp(`format ${FORMAT + 1}.*up to ${FORMAT}`),
      remedy: /newer agent/,
    })
    const store = storeIn(dir, { format: { current: FORMAT + 1, migrations: [] } })
    assert.equal((await store.start()).recovered, null)
    assert.deepEqual(store.get("tab", ["a"]), { v: 1, text: "old" })
    await store.stop()
  })

  it("is brought forward step by step, with a copy of the old one kept", async () => {
    const dir = await home(1)
    const store = storeIn(dir, { format: { current: 3, migrations: chain } })
    await store.start()
    assert.deepEqual(store.get("tab", ["a"]), { v: 2, text: "old" })
    assert.deepEqual(store.get("tab", ["b"]), { v: 3 })
    assert.deepEqual(store.get("meta", ["format"]), { v: 1, format: 3 })
    await store.stop()
    const [copy] = readdirSync(join(dir, "copies"))
    const old = newHome()
    await restoreBackup(old, join(dir, "copies", copy!), { dryRun: false, wallMs: 1 })
    const before = storeIn(old)
    await before.start()
    assert.deepEqual(before.get("tab", ["a"]), { v: 1, text: "old" })
    await before.stop()
  })

  it("is that of before again where an agent that is older restores a copy of then over the newer store", async () => {
    const dir = await home(FORMAT)
    const copy = join(newHome(), "store.mdb")
    cpSync(join(dir, "store.mdb"), copy)
    const newer = storeIn(dir, { format: { current: FORMAT + 1, migrations: [{ to: FORMAT + 1, changes: () => [] }] } })
    await newer.start()
    await newer.stop()
    await assert.rejects(storeIn(dir).start(), { code: "STORE_NEWER" })
    assert.equal((await restoreBackup(dir, copy, { dryRun: false, wallMs: 1 })).format, FORMAT)
    const store = storeIn(dir)
    await store.start()
    assert.deepEqual(store.get("tab", ["a"]), { v: 1, text: "old" })
    await store.stop()
    assert.equal(readdirSync(join(dir, "quarantine")).length, 1)
  })

  it("2 has a log of what has not ended, and loses none on the way there", async () => {
    const dir = newHome()
    const old = storeIn(dir, { format: { current: 1, migrations: [] } })
    await old.start()
    const record = { v: 1, app: "a", workflow: "w", version: 1 }
    await old.write([
      { put: "act", key: ["ex_1"], value: record },
      { put: "hist", key: ["ex_1", 0], value: { v: 1, inputs: [] } },
      { put: "fin", key: ["ex_0"], value: { ...record, status: "completed" } },
    ])
    await old.stop()
    const store = storeIn(dir)
    await store.start()
    const pin = { app: "a", workflow: "w", version: 1 }
    assert.deepEqual(store.get(TABLE.open, [0]), { v: 2, execution: "ex_1", pin, core: "", chunks: 1, steps: "" })
    assert.deepEqual(store.get(TABLE.history, ["ex_1", 0]), { v: 1, inputs: [] })
    assert.deepEqual(store.get(TABLE.finished, ["ex_0"]), { ...record, status: "completed" })
    for (const table of ["act", "hist", "fin"]) assert.equal(store.count(table), 0)
    await store.stop()
  })

  it("is brought forward by a start that tells how far it is, however much there is", async function () {
    this.timeout(60_000)
    const dir = await home(1)
    const store = storeIn(dir, { format: { current: 1, migrations: [] }, copies: 0 })
    await store.start()
    const value = { v: 1, text: "x".repeat(1900) }
    for (let from = 0; from < STORE_ENTRIES_PER_WORD; from += 1000) {
      await store.write(Array.from({ length: 1000 }, (_, i) => ({ put: "tab", key: [from + i], value })))
    }
    await store.stop()
    // As after a power cut: the store is checked first, in a process of its own.
    rmSync(join(dir, "clean"))
    const told: string[] = []
    const newer = storeIn(dir, { format: { current: 2, migrations: chain }, progress: (doing) => told.push(doing) })
    await newer.start()
    await newer.stop()
    const shares = told
      .filter((doing) => /^checks the store: \d+ %$/.test(doing))
      .map((doing) => Number(/\d+/.exec(doing)))
    assert.ok(shares.length > 0, told.join("\n"))
    assert.deepEqual(
      shares.toSorted((a, b) => a - b),
      shares,
    )
    const migrated = told.filter((doing) => doing.startsWith("brings the store to format 2: "))
    assert.equal(migrated[0], `brings the store to format 2: ${STORE_ENTRIES_PER_WORD} entries`)
  })

  it("goes on from the step that a cut interrupted", async () => {
    const dir = await home(1)
    const failing: readonly Migration[] = [
      chain[0]!,
      {
        to: 3,
        changes: () => {
          throw new Error("cut")
        },
      },
    ]
    await assert.rejects(storeIn(dir, { format: { current: 3, migrations: failing } }).start(), /cut/)
    const store = storeIn(dir, { format: { current: 3, migrations: chain } })
    await store.start()
    assert.deepEqual(store.get("tab", ["a"]), { v: 2, text: "old" })
    assert.deepEqual(store.get("meta", ["format"]), { v: 1, format: 3 })
    await store.stop()
  })
})
