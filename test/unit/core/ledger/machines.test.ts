import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { npmNode } from "../../../support/npm-node.ts"

const run = promisify(execFile)
/** A release before the one that the agent runs on: another engine, with another way to do nearly everything. */
const OTHER_NODE = "24.21.0"
const PROGRAM = join(import.meta.dirname, "fixtures/app-hash.ts")

describe("the same blocks on different machines", function () {
  this.timeout(300_000)

  it("give the same app hash, whatever the time zone, the language and the seed of hash tables", async () => {
    const machines = [
      { flags: [], env: { TZ: "UTC", LANG: "C" } },
      { flags: ["--hash-seed=1"], env: { TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" } },
      { flags: ["--hash-seed=77"], env: { TZ: "Pacific/Apia", LANG: "ja_JP.UTF-8", LC_ALL: "ja_JP.UTF-8" } },
    ]
    const hashes: string[] = []
    for (const { flags, env } of machines) {
      const { stdout } = await run(process.execPath, [...flags, PROGRAM], { env: { ...process.env, ...env } })
      hashes.push(stdout)
    }
    assert.match(hashes[0]!, /^[\da-f]{64}$/)
    assert.equal(new Set(hashes).size, 1, hashes.join(" "))
  })

  it("give the same app hash on another release of Node", async () => {
    const node = npmNode(OTHER_NODE)
    assert.equal((await run(node, ["--version"])).stdout.trim(), `v${OTHER_NODE}`)
    assert.notEqual(process.version, `v${OTHER_NODE}`)
    // What Node is told by our own scripts need not be known to that one.
    const env = { ...process.env, NODE_OPTIONS: "" }
    const [here, there] = await Promise.all([run(process.execPath, [PROGRAM], { env }), run(node, [PROGRAM], { env })])
    assert.match(here.stdout, /^[\da-f]{64}$/)
    assert.equal(there.stdout, here.stdout)
  })
})
