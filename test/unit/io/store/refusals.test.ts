import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { STORE_PENDING_BYTES_MAX } from "../../../../agent/base/limits.ts"
import { checkFile } from "../../../../agent/io/store/check.ts"
import { LmdbStore } from "../../../../agent/io/store/store.ts"
import { formatOf } from "../../../../agent/io/store/format.ts"
import { KeptLog } from "../../../support/kept-log.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("the store refuses", () => {
  it("with STORE_OVERLOADED what the device cannot keep up with, and keeps what it took", async function () {
    this.timeout(30_000)
    const dir = join(tempDir("store"), "data")
    const store = new LmdbStore({ dir, quotaBytes: 4 * STORE_PENDING_BYTES_MAX, copies: 0, log: new KeptLog() })
    await store.start()
    const value = "x".repeat(STORE_PENDING_BYTES_MAX / 8)
    const writes = Array.from({ length: 12 }, (_, i) => store.write([{ put: "table", key: [i], value }]))
    const settled = await Promise.allSettled(writes)
    const refused = settled.filter((each) => each.status === "rejected")
    assert.ok(refused.length > 0 && refused.length < writes.length, `${refused.length} of ${writes.length} refused`)
    for (const { reason } of refused) assert.equal((reason as { code: string }).code, "STORE_OVERLOADED")
    assert.equal(store.count("table"), writes.length - refused.length)
    await store.stop()
  })

  it("with STORE_DAMAGED a format that is none", () => {
    for (const format of [undefined, 0, 1.5, "1"]) {
      assert.throws(() => formatOf({ get: () => ({ format }) }), { code: "STORE_DAMAGED" })
    }
  })

  it("with STORE_UNUSABLE a file that cannot be checked", async () => {
    const path = join(tempDir("store"), "data.mdb")
    mkdirSync(path)
    writeFileSync(join(path, "in-the-way"), "")
    await assert.rejects(checkFile(path), { code: "STORE_UNUSABLE" })
  })
})
