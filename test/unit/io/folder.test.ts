import assert from "node:assert/strict"
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder } from "../../../agent/io/folder.ts"
import { tempDir } from "../../support/temp-dir.ts"

const modeOf = (path: string) => statSync(path).mode & 0o777

describe("a folder", () => {
  it("is made with those above it, for its owner alone, and says whether it was made", () => {
    const home = join(tempDir("folder"), "a", "home")
    assert.equal(makeFolder(join(home, "run")), true)
    assert.equal(makeFolder(join(home, "run")), false)
    for (const path of [home, join(home, "run"), join(home, "..")]) assert.equal(modeOf(path), 0o700)
  })

  it("that is there stays as it is", () => {
    const path = join(tempDir("folder"), "there")
    mkdirSync(path, { mode: 0o755 })
    assert.equal(makeFolder(path), false)
    assert.equal(modeOf(path), 0o755)
  })

  it("that the system refuses ends at once, and names the place", () => {
    assert.throws(() => makeFolder("/proc/none/of/these"), { code: "ENOENT", path: "/proc/none" })
    const file = join(tempDir("folder"), "file")
    writeFileSync(file, "")
    assert.throws(() => makeFolder(join(file, "below")), { code: "ENOTDIR" })
    assert.ok(!existsSync(join(file, "below")))
  })
})
