import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { join } from "node:path"
import { open } from "lmdb"
import { seededRandom } from "../../../../agent/base/random.ts"
import { costOf, singlePages } from "../../../../agent/io/store/cost.ts"
import { createFile, type Env, openEnv } from "../../../../agent/io/store/env.ts"
import { FileRoom, type Fit } from "../../../../agent/io/store/file-room.ts"
import { LmdbStore } from "../../../../agent/io/store/store.ts"
import { KeptLog } from "../../../support/kept-log.ts"
import { scaled } from "../../../support/scale.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const MIB = 2 ** 20

interface Stats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly treeDepth: number
  readonly pagesWritten: number
}

describe("what a commit costs", function () {
  this.timeout(60_000)

  it("is never more than was reckoned before it, whatever is put and removed", async () => {
    const path = join(tempDir("cost"), "store.mdb")
    createFile(path)
    const options = { path, encoding: "binary", keyEncoding: "binary", mapSize: 2 ** 28, trackMetrics: true } as const
    const db = open<Buffer, Buffer>({ ...options, overlappingSync: false, eventTurnBatching: false })
    const random = seededRandom(1)
    const bytesOf = [
      () => random.below(60),
      () => random.below(400),
      () => random.below(2100),
      () => random.below(30_000),
    ]
    for (let commit = 0; commit < scaled(150, 3000); commit++) {
      const before = db.getStats() as unknown as Stats & { free: Stats }
      const largest = bytesOf[random.below(4)]!
      const keys = 1 + random.below(4000)
      const changes = Array.from({ length: 1 + random.below(random.below(8) === 0 ? 800 : 30) }, () => {
        const key = Buffer.from(`${String(random.below(keys)).padStart(6, "0")}${"k".repeat(random.below(40))}`)
        return { key, record: random.below(5) < 2 ? null : Buffer.alloc(largest()) }
      })
      let done: Promise<boolean> = Promise.resolve(true)
      for (const { key, record } of changes) done = record ? db.put(key, record) : db.remove(key)
      await done
      const cost = costOf(changes)
      const tree = {
        branches: before.treeBranchPageCount,
        leaves: before.treeLeafPageCount,
        overflows: before.overflowPages,
        depth: before.treeDepth,
        free: before.free.treeBranchPageCount + before.free.treeLeafPageCount + before.free.overflowPages,
      }
      const reckoned = singlePages(cost, tree) + cost.runPages
      const written = (db.getStats() as unknown as Stats).pagesWritten - before.pagesWritten
      assert.ok(
        written <= reckoned,
        `commit ${commit}: ${written} pages of ${reckoned}, ${JSON.stringify({ cost, tree })}`,
      )
    }
    await db.close()
  })
})

describe("the file of the store", function () {
  this.timeout(60_000)

  it("at its end is not looked at for each commit: what was seen free lasts for many, and it becomes no longer", async () => {
    const path = join(tempDir("end"), "store.mdb")
    createFile(path)
    const db = openEnv(path, 4 * MIB)
    let reads = 0
    // LMDB's readers are asked for exactly when the list of free pages is read.
    const counted = Object.create(db, {
      getStats: { value: () => db.getStats() },
      readerList: { value: () => ((reads += 1), db.readerList()) },
    }) as Env
    const room = new FileRoom(counted, path, 4 * MIB)
    const commit = async (key: string, bytes: number | null): Promise<Fit> => {
      const change = { key: Buffer.from(key), record: bytes === null ? null : Buffer.alloc(bytes) }
      const fit = room.fit(costOf([change]), bytes === null, false)
      if (fit === "fits") await (change.record ? db.put(change.key, change.record) : db.remove(change.key))
      return fit
    }
    let filled = 0
    while ((await commit(String(filled).padStart(6, "0"), 1500)) === "fits") filled++
    for (let i = 0; i < filled / 2; i++) await commit(String(i).padStart(6, "0"), null)
    const { size } = statSync(path)
    reads = 0
    const commits = 200
    for (let i = 0; i < commits; i++) assert.equal(await commit(String(i % 20), 500), "fits", `commit ${i}`)
    assert.ok(reads <= commits / 10, `the list of free pages was read ${reads} times in ${commits} commits`)
    assert.equal(statSync(path).size, size)
    assert.ok(size <= 4 * MIB, `${size} bytes`)
    room.close()
    await db.close()
  })

  it("is never made longer by LMDB: what is let in goes into blocks that exist, whatever is put, removed and read", async () => {
    const path = join(tempDir("blocks"), "store.mdb")
    createFile(path)
    const db = openEnv(path, 4 * MIB)
    const room = new FileRoom(db, path, 3 * MIB)
    const random = seededRandom(4)
    const fits = { fits: 0, soon: 0, reader: 0, quota: 0, disk: 0 }
    const keys = 1200
    let spared: Iterator<unknown> | null = null
    for (let commit = 0; commit < scaled(4500, 8_000); commit++) {
      // Now and then a reader holds on to the pages of its snapshot for a while.
      if (commit % 40 === 0) {
        spared?.return?.()
        spared = random.below(3) === 0 ? db.getRange({ snapshot: true })[Symbol.iterator]() : null
        spared?.next()
      }
      const changes = Array.from({ length: 1 + random.below(random.below(6) === 0 ? 60 : 6) }, () => {
        const key = Buffer.from(String(random.below(keys)).padStart(6, "0"))
        return {
          key,
          record: random.below(5) < 2 ? null : Buffer.alloc(random.below(random.below(5) === 0 ? 20_000 : 2500)),
        }
      })
      const fit = room.fit(costOf(changes), false, false)
      fits[fit]++
      if (fit !== "fits") continue
      const { size } = statSync(path)
      let done: Promise<boolean> = Promise.resolve(true)
      for (const { key, record } of changes) done = record ? db.put(key, record) : db.remove(key)
      await done
      const { lastPageNumber } = db.getStats() as { lastPageNumber: number }
      assert.ok((lastPageNumber + 1) * 4096 <= size, `commit ${commit}: page ${lastPageNumber} of ${size} bytes`)
    }
    spared?.return?.()
    assert.ok(fits.fits > 500 && fits.quota > 10 && fits.reader > 0, JSON.stringify(fits))
    room.close()
    await db.close()
  })

  it("stays within the quota under load that is pruned in large writes, while copies are read from it", async () => {
    const quotaBytes = 4 * MIB
    const dir = join(tempDir("quota"), "data")
    const store = new LmdbStore({ dir, quotaBytes, copies: 1, log: new KeptLog() })
    await store.start()
    const random = seededRandom(2)
    let oldest = 0
    let copies = 0
    let copying: Promise<unknown> = Promise.resolve()
    for (let round = 0; round < scaled(120, 1200); round++) {
      const writes = Array.from({ length: 20 }, (_, i) => {
        const key = [round * 20 + i]
        const step = { put: "step", key, value: "x".repeat(random.below(random.below(8000) + 1)) }
        return store.write([step, { put: "head", key, value: 1 }], { reserve: true })
      })
      await Promise.all(writes)
      if (round % 20 === 19) {
        await copying
        copying = store.copy().then((made) => (copies += made === null ? 0 : 1))
      }
      if (store.usage().bytes > quotaBytes * 0.75) {
        const gone = Array.from({ length: 200 }, () => oldest++)
        await store.write(gone.flatMap((n) => ["step", "head"].map((table) => ({ remove: table, key: [n] }))))
      }
      const { size, blocks } = statSync(join(dir, "store.mdb"))
      assert.ok(Math.max(size, blocks * 512) <= quotaBytes, `round ${round}: ${size} bytes in ${blocks} blocks`)
    }
    await copying
    assert.ok(oldest > 0 && copies > 1, `${oldest} were removed, ${copies} copies made`)
    await store.stop()
  })
})
