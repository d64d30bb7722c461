import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { filesBelow, install, pathWith, PORTS } from "../../support/installer.ts"
import { servedRelease } from "../../support/release.ts"
import { tempDir } from "../../support/temp-dir.ts"

describe("install.sh for one user", function () {
  this.timeout(300_000)
  let release: string
  before(() => {
    release = servedRelease()
  })

  const home = tempDir("home")
  const program = join(home, ".local/bin/mesg")

  it("installs a program that runs, and keeps what was set for it before", async () => {
    const environment = join(home, ".config/mesg/environment")
    mkdirSync(dirname(environment), { recursive: true })
    writeFileSync(environment, "MESG_LOG_LEVEL=warn", { mode: 0o600 })
    const { status, stdout, stderr } = await install(release, { home, env: PORTS })
    assert.equal(stderr, "")
    assert.equal(status, 0)
    assert.match(stdout, /version 0\.1\.0 is installed; start it with:/)
    assert.equal(execFileSync(program, ["--version"], { encoding: "utf8", env: { HOME: home } }), "0.1.0\n")
    assert.deepEqual(readdirSync(home).sort(), [".config", ".local"])
    assert.equal(readFileSync(environment, "utf8"), "MESG_LOG_LEVEL=warn\nMESG_MQTT_PORT=18839\nMESG_HTTP_PORT=63749\n")
    assert.equal(statSync(environment).mode & 0o777, 0o600)
  })

  it("changes nothing when it is run again, also from one archive and packed by gzip", async () => {
    const before = filesBelow(home)
    const archive = readdirSync(release).find((name) => name.endsWith(".tar.gz"))!
    for (const args of [[], ["--from", join(release, archive)]]) {
      const { status, stdout } = await install(release, { home, args })
      assert.equal(stdout, "mesg: version 0.1.0 is installed already; nothing was changed\n")
      assert.equal(status, 0)
      assert.deepEqual(filesBelow(home), before)
    }
  })

  it("refuses an older release without a word for it, and another build of the same version", async () => {
    const newer = join(home, ".local/lib/mesg/versions/0.2.0")
    cpSync(join(home, ".local/lib/mesg/versions/0.1.0"), newer, { recursive: true })
    appendFileSync(join(newer, "SHA256SUMS"), "\n")
    const current = join(home, ".local/lib/mesg/current")
    const pointTo = (version: string) => {
      rmSync(current)
      symlinkSync(`versions/${version}`, current)
    }
    pointTo("0.2.0")
    assert.match(
      (await install(release, { home })).stderr,
      /version 0\.2\.0 is installed, the release is the older 0\.1\.0/,
    )
    pointTo("0.1.0")
    chmodSync(join(home, ".local/lib/mesg/versions/0.1.0/SHA256SUMS"), 0o644)
    appendFileSync(join(home, ".local/lib/mesg/versions/0.1.0/SHA256SUMS"), "\n")
    assert.match((await install(release, { home })).stderr, /version 0\.1\.0 is installed from another build/)
  })

  it("upgrades by the program itself, and takes an older one when told to", () => {
    const env = { HOME: home, PATH: pathWith() }
    const run = (...words: string[]) => spawnSync(program, words, { env, encoding: "utf8" })
    rmSync(join(home, ".local/lib/mesg/current"))
    symlinkSync("versions/0.2.0", join(home, ".local/lib/mesg/current"))
    const { status, stdout } = run("upgrade", "--from", release, "--allow-older")
    assert.match(stdout, /version 0\.1\.0 is installed in place of 0\.2\.0/)
    assert.equal(status, 0)
    assert.equal(
      run("upgrade", "--from", release).stdout,
      "mesg: version 0.1.0 is installed already; nothing was changed\n",
    )
  })

  it("is removed by the program itself: the data stays unless it is to go", () => {
    const env = { HOME: home, PATH: pathWith() }
    mkdirSync(join(home, ".local/share/mesg"), { recursive: true })
    writeFileSync(join(home, ".local/share/mesg/config.yml"), "")
    const removed = spawnSync(program, ["uninstall"], { env, encoding: "utf8" })
    assert.match(removed.stdout, /removed; the data stays in/)
    assert.deepEqual(
      filesBelow(home).filter((path) => !/^\.local(?:\/(?:lib|bin|share))?$/.test(path)),
      [".config", ".config/mesg", ".config/mesg/environment", ".local/share/mesg", ".local/share/mesg/config.yml"],
    )
    const script = [join(release, "install.sh"), "uninstall", "--user", "--purge"]
    assert.match(
      spawnSync("/bin/dash", script, { env, encoding: "utf8" }).stdout,
      /all of it is removed, with its data/,
    )
    assert.deepEqual(
      filesBelow(home).filter((path) => /mesg/.test(path)),
      [],
    )
  })
})
