import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { nodeArguments, singleBinaryArguments } from "../../../agent/base/node-command.ts"

describe("arguments that run a file", () => {
  it("are Node's own where Node runs", () => {
    assert.deepEqual(nodeArguments(["--permission"], "/a b/c.js"), ["--permission", "/a b/c.js"])
  })

  it("hold flags with spaces, quotes and backslashes in one, as Node reads them", () => {
    const flags = ["--title=a b", '--title="quoted"', "--title=back\\slash"]
    for (const flag of flags) {
      const [options] = singleBinaryArguments([flag], "/x.js") as [string]
      const env = { ...process.env, NODE_OPTIONS: options.replace(/^--node-options=/, "") }
      const title = execFileSync(process.execPath, ["-p", "process.title"], { env, encoding: "utf8" }).trim()
      assert.equal(title, flag.replace(/^--title=/, ""))
    }
  })
})
