import assert from "node:assert/strict"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { packFolder, unpackInto } from "../../../../agent/io/archive/archive.ts"
import { isHomeBackup, restoreHome } from "../../../../agent/home-restore.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("an archive", () => {
  it("gives back what was packed, and nothing that is not expected", async () => {
    const folder = tempDir("packed")
    mkdirSync(join(folder, "a"))
    writeFileSync(join(folder, "a", "b"), "text")
    const file = join(tempDir("archive"), "x.mesg")
    await packFolder(folder, file)
    const into = tempDir("unpacked")
    await unpackInto(file, into, () => true)
    assert.equal(readFileSync(join(into, "a", "b"), "utf8"), "text")
    await assert.rejects(
      unpackInto(file, tempDir("unpacked"), (path) => path === "a"),
      { code: "ARCHIVE_DAMAGED" },
    )
  })

  it("says where it cannot be written, and a restore where a home cannot be made", async () => {
    const file = join(tempDir("file"), "file")
    writeFileSync(file, "")
    await assert.rejects(packFolder(tempDir("packed"), join(file, "x")), { code: "ARCHIVE_FAILED" })
    const options = { wallMs: 0, dryRun: true, force: false, withoutKeys: true, passphrase: async () => null }
    await assert.rejects(restoreHome(join(file, "home"), file, options), { code: "RESTORE_FAILED" })
  })

  it("of a home takes the place of no folder that is in use, be it a home or not", async () => {
    const folder = tempDir("packed")
    writeFileSync(join(folder, "config.yml"), "")
    const file = join(tempDir("archive"), "x.mesg")
    await packFolder(folder, file)
    const options = { wallMs: 0, dryRun: false, force: false, withoutKeys: true, passphrase: async () => null }
    const home = tempDir("photos")
    mkdirSync(join(home, "run"))
    writeFileSync(join(home, "run", "token"), "")
    mkdirSync(join(home, "data"))
    // What an agent that never ran leaves is no use of it: the next check has its word.
    await assert.rejects(restoreHome(home, file, options), { code: "BACKUP_INVALID" })
    for (const name of ["f", "e", "d", "c", "b", "a"]) writeFileSync(join(home, name), "")
    await assert.rejects(restoreHome(home, file, options), {
      code: "HOME_USED",
      message: `${home} is used already: it has a, b, c, d, e, …`,
    })
    assert.equal(readdirSync(home).length, 8)
    await assert.rejects(restoreHome(join(home, "a"), file, options), {
      code: "RESTORE_FAILED",
      message: `${join(home, "a")} was not restored: it is no folder`,
    })
  })

  it("is no folder", () => {
    assert.throws(() => isHomeBackup(tempDir("folder")), { code: "BACKUP_INVALID", message: /it is no file$/ })
  })

  it("of a home holds links only in the copies of services", async () => {
    const links: [path: string, says: RegExp][] = [
      ["config.yml", /it holds "config.yml"/],
      ["plugins/x", /no backup of a home/],
    ]
    const options = { wallMs: 0, dryRun: true, force: false, withoutKeys: true, passphrase: async () => null }
    for (const [path, message] of links) {
      const folder = tempDir("packed")
      mkdirSync(join(folder, "plugins"))
      symlinkSync("y", join(folder, path))
      const file = join(tempDir("archive"), "x.mesg")
      await packFolder(folder, file)
      await assert.rejects(restoreHome(join(tempDir("place"), "home"), file, options), {
        code: "BACKUP_INVALID",
        message,
      })
    }
  })
})
