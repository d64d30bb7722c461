import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensureBundle } from "../../../packaging/bundle.mjs"
import { copySources } from "../../support/copied-sources.ts"
import { tempDir } from "../../support/temp-dir.ts"

describe("packaging/bundle.mjs", function () {
  this.timeout(60_000)
  let root: string
  const change = (text: string) => writeFileSync(join(root, "docs/examples/electric-car/note.txt"), text)
  before(() => {
    root = realpathSync(tempDir("bundle"))
    copySources(root)
  })

  it("makes the same files of the same sources, another folder of others, and keeps the one that runs", async () => {
    const first = ensureBundle(root)
    const built = readFileSync(join(first, "mesg.js"))
    const runs = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", join(first, "mesg.js")])
    try {
      await once(runs, "spawn")
      const folders = ["1", "2", "3", "4"].map((text) => {
        change(text)
        return ensureBundle(root)
      })
      assert.equal(new Set([first, ...folders]).size, 5)
      // The newest, two of those before it, and the one that runs.
      assert.deepEqual([first, ...folders].map(existsSync as (path: string) => boolean), [
        true,
        false,
        true,
        true,
        true,
      ])
      assert.deepEqual(readFileSync(join(folders[3]!, "mesg.js")), built)
      assert.equal(ensureBundle(root), folders[3])
    } finally {
      runs.kill()
    }
  })

  it("refuses sources that name a file in a way it does not understand", () => {
    const file = join(root, "agent/io/config/home.ts")
    writeFileSync(file, `${readFileSync(file, "utf8")}\nexport const here = import.meta.dirname\n`)
    assert.throws(() => ensureBundle(root), /home\.ts: only new URL/)
  })
})
