import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startNodeRed } from "../support/node-red.ts"
import { hasEnded } from "../support/process-state.ts"
import { tempDir } from "../support/temp-dir.ts"

/** In the place of the Node that runs Node-RED: tells its process, says these lines and stays. */
function program(...lines: readonly string[]): { readonly node: string; pid(): number } {
  const folder = tempDir("node-red-start")
  const node = join(folder, "node")
  const said = lines.map((line) => `echo '${line}'`).join("\n")
  writeFileSync(node, `#!/bin/sh\necho $$ > '${folder}/pid'\n${said}\nexec sleep 600\n`, { mode: 0o755 })
  return { node, pid: () => Number(readFileSync(join(folder, "pid"), "utf8")) }
}

describe("a Node-RED of a test that does not start", function () {
  this.timeout(60_000)
  const userDir = tempDir("node-red-start")

  it("is ended where no editor can listen to it, with the end of its log", async () => {
    // Port 1 is nobody's.
    const { node, pid } = program("at http://127.0.0.1:1/", "Started flows")
    await assert.rejects(startNodeRed({ node, userDir }), /ECONNREFUSED[^]*its log:\n[^]*Started flows/)
    assert.equal(hasEnded(pid()), true)
  })

  it("is ended where its flows do not run in time, and that is said", async () => {
    const { node, pid } = program("Welcome")
    const started = startNodeRed({ node, userDir, startTimeoutMs: 2_000 })
    await assert.rejects(started, /the flows of Node-RED did not come within 2000 ms[^]*Welcome/)
    assert.equal(hasEnded(pid()), true)
  })

  it("is told with its log where it ends by itself", async () => {
    await assert.rejects(startNodeRed({ node: "/bin/false", userDir }), /Node-RED ended with 1; the end of its log/)
  })
})
