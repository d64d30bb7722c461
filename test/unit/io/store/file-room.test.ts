import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { join } from "node:path"
import { open } from "lmdb"
import { seededRandom } from "../../../../agent/base/random.ts"
import { costOf, singlePages } from "../../../../agent/io/store/cost.ts"
import { createFile } from "../../../../agent/io/store/env.ts"
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

describe("what a commit costs", () => {
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
