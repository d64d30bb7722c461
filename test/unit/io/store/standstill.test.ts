import assert from "node:assert/strict"
import { setImmediate as immediate } from "node:timers/promises"
import { STORE_WRITE_TIMEOUT_MS } from "../../../../agent/base/limits.ts"
import { newHome, storeIn } from "../../../support/lmdb-store.ts"

const LONGER_MS = 500

describe("a store whose process stood still", () => {
  it("takes the answer of the disk that came meanwhile", async function () {
    this.timeout(60_000)
    const store = storeIn(newHome())
    await store.start()
    const written = store.write([{ put: "table", key: [1], value: "kept" }])
    // It is with LMDB, whose threads go on.
    await immediate()
    await immediate()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STORE_WRITE_TIMEOUT_MS + LONGER_MS)
    await written
    assert.equal(store.get("table", [1]), "kept")
    await store.stop()
  })
})
