import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { attempted, filesBelow, install, PORTS } from "../../support/installer.ts"
import { servedRelease } from "../../support/release.ts"
import { tempDir } from "../../support/temp-dir.ts"
import { until } from "../../support/until.ts"

describe("install.sh leaves nothing half done:", function () {
  this.timeout(300_000)
  let release: string
  before(() => {
    release = servedRelease()
  })

  it("does not install while another one does, and leaves that one alone", async () => {
    const home = tempDir("home")
    const here = join(home, "here")
    const go = join(home, "go")
    const waiting = `touch '${here}'; until [ -e '${go}' ]; do sleep 0.1; done; exec /bin/tar "$@"`
    const { words, options } = attempted(release, { home, env: PORTS, commands: { tar: waiting } })
    const first = spawn("/bin/dash", words, { ...options, stdio: "ignore" })
    const ended = once(first, "exit")
    await until(() => existsSync(here), 60_000, "the first one is at work")
    const second = await install(release, { home, env: PORTS })
    assert.equal(second.stderr, "mesg: another install.sh is at work here: nothing was changed\n")
    assert.equal(second.status, 1)
    writeFileSync(go, "")
    assert.deepEqual(await ended, [0, null])
    assert.ok(existsSync(join(home, ".local/bin/mesg")))
  })

  for (const [what, commands] of [
    ["a step fails", { ln: `case "$*" in *current.new) exit 1 ;; esac; exec /bin/ln "$@"` }],
    ["it is interrupted", { ln: `case "$*" in *current.new) kill -INT $PPID ;; esac; exec /bin/ln "$@"` }],
  ] as const) {
    it(`takes away again what it has begun, when ${what}`, async () => {
      const home = tempDir("home")
      const { status, stderr } = await install(release, { home, env: PORTS, commands })
      assert.equal(stderr, "mesg: what was begun was removed again: nothing is installed\n")
      assert.notEqual(status, 0)
      assert.deepEqual(
        filesBelow(home).filter((path) => !/^\.local(?:\/(?:lib|bin))?$/.test(path)),
        [],
      )
    })
  }

  it("keeps the version that is there when an upgrade is interrupted, and takes what was cut away at the next", async () => {
    const home = tempDir("home")
    const lib = join(home, ".local/lib/mesg")
    assert.equal((await install(release, { home, env: PORTS })).status, 0)
    makeOlder(lib)
    const before = filesBelow(home)
    const commands = { mv: `case "$*" in *current.new*) kill -TERM $PPID; esac; exec /bin/mv "$@"` }
    const { status, stderr } = await install(release, { home, env: PORTS, commands })
    assert.equal(stderr, "mesg: version 0.0.9 stays\n")
    assert.equal(status, 143)
    assert.deepEqual(filesBelow(home), before)
    mkdirSync(join(lib, "new.abcdef"))
    assert.match(
      (await install(release, { home, env: PORTS })).stdout,
      /version 0\.1\.0 is installed in place of 0\.0\.9/,
    )
    assert.ok(!existsSync(join(lib, "new.abcdef")))
  })

  it("changes nothing when systemd does not say whether the agent runs", async () => {
    const home = tempDir("home")
    const lib = join(home, ".local/lib/mesg")
    assert.equal((await install(release, { home, env: PORTS })).status, 0)
    makeOlder(lib)
    const before = filesBelow(home)
    const commands = { systemctl: `case "$*" in *show-environment*) ;; *) exit 1 ;; esac` }
    const { status, stderr } = await install(release, { home, env: PORTS, commands })
    assert.equal(stderr, "mesg: systemd does not answer, so nobody can say whether mesg runs; nothing was changed\n")
    assert.equal(status, 1)
    assert.deepEqual(filesBelow(home), before)
    assert.equal(readlinkSync(join(lib, "current")), "versions/0.0.9")
  })
})

/** What is installed is a version of before, so that the release is an upgrade. */
function makeOlder(lib: string): void {
  renameSync(join(lib, "versions/0.1.0"), join(lib, "versions/0.0.9"))
  rmSync(join(lib, "current"))
  symlinkSync("versions/0.0.9", join(lib, "current"))
  writeFileSync(join(lib, "versions/0.0.9/SHA256SUMS"), "")
}
