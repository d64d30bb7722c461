import assert from "node:assert/strict"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { HTTP_STOP_TIMEOUT_MS } from "../../agent/base/limits.ts"
import { fillDisk } from "../reliability/small-disk.ts"
import { startAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const MAIN = fileURLToPath(new URL("../../agent/main.ts", import.meta.url))
/** The store's folder on a file system of its own, which only the agent sees: for root and, where user namespaces are on, for anyone. */
const MOUNTED = 'mount -t tmpfs -o size=32m none "$0" && exec "$@"'

/** Keeps so many values that to remove them takes more room than the store has in hand. */
const KEEPER = `export default {
  async start({ store }) {
    await Promise.all(Array.from({ length: 3000 }, (_, i) => store.set("k" + i, "x".repeat(1800))))
  },
  tasks: {},
}`

describe("a stop on a full disk", function () {
  this.timeout(60_000)

  it("answers the request that waits for room, and is not held by it", async () => {
    const home = tempDir("home")
    const data = join(home, "data")
    mkdirSync(data)
    const command = ["unshare", "-rm", "sh", "-c", MOUNTED, data, process.execPath, MAIN]
    const agent = await startAgent({ home, command, sets: ["store.copies=0"] })
    const folder = serviceFolder({ id: "gone", tasks: {} }, KEEPER)
    assert.equal((await agent.api("POST", "/services", { source: folder })).status, 201)
    fillDisk(join(`/proc/${agent.process.pid}/root`, data, "filler"))
    const removing = agent.api("DELETE", "/services/gone")
    await until(() => agent.output().includes("the disk is full"), 20_000, "the removal waits for room")
    const began = performance.now()
    assert.equal(await agent.stop(), 0, agent.output())
    const tookMs = performance.now() - began
    const answer = await removing
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [429, "QUOTA"])
    assert.ok(tookMs < HTTP_STOP_TIMEOUT_MS, `it took ${Math.round(tookMs)} ms`)
  })
})
