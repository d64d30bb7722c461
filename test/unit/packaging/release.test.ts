import assert from "node:assert/strict"
import { createPublicKey, verify } from "node:crypto"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { changesOf } from "../../../packaging/release/changes.ts"
import { publicLine, releaseKey, seal } from "../../../packaging/release/signature.ts"
import { tempDir } from "../../support/temp-dir.ts"

describe("the changes of a release", () => {
  const log =
    "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.2.0] - 2026-01-02\n\n- second\n\n## [0.2.1]\n\n- third\n"
  const cases = [
    { name: "are those of its version", version: "0.2.0", says: "- second" },
    { name: "are not those of a version whose number begins alike", version: "0.2.1", says: "- third" },
    { name: "are those that are not released yet, where it has no section", version: "0.3.0", says: "- new" },
  ]
  for (const { name, version, says } of cases) {
    it(name, () => assert.deepEqual(changesOf(log, version).match(/^- .*$/gm), [says]))
  }

  it("must be there", () => {
    assert.throws(() => changesOf("# Changelog\n", "0.1.0"), /no section about 0\.1\.0/)
  })
})

describe("the key of releases", () => {
  it("is made once for a clone's own releases, for its owner alone", () => {
    const file = join(tempDir("key"), "deep/key.pem")
    const made = publicLine(releaseKey(file, true))
    assert.equal(publicLine(releaseKey(file, false)), made)
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  it("is made by nobody where one was named, and is no other kind of key", () => {
    const file = join(tempDir("key"), "key.pem")
    assert.throws(() => releaseKey(file, false), /there is no key/)
    writeFileSync(file, "no key")
    assert.throws(() => releaseKey(file, false))
  })

  it("seals every file of a folder, and not its own seal", () => {
    const folder = tempDir("sealed")
    const key = releaseKey(join(tempDir("key"), "key.pem"), true)
    writeFileSync(join(folder, "a"), "")
    seal(folder, key)
    seal(folder, key)
    const sums = readFileSync(join(folder, "SHA256SUMS"))
    assert.equal(sums.toString(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n")
    assert.ok(verify(null, sums, createPublicKey(key), readFileSync(join(folder, "SHA256SUMS.sig"))))
  })
})
