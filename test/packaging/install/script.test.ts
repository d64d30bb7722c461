import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { seededRandom } from "../../../agent/base/random.ts"
import { filesBelow, install, pathWith, PORTS, TOOLS } from "../../support/installer.ts"
import { servedRelease } from "../../support/release.ts"
import { scaled } from "../../support/scale.ts"
import { ROOT } from "../../support/sources.ts"
import { tempDir } from "../../support/temp-dir.ts"

const SCRIPT = join(ROOT, "install.sh")
/** Of the cuts that are at no end of a line; at full scale every byte is one. */
const SEED = Number(process.env["CUT_SEED"] ?? Date.now() % 1_000_000)
const RANDOM_CUTS = 150
/** Every byte of the last lines is a cut. */
const LAST_BYTES = 200

describe("install.sh", function () {
  this.timeout(300_000)
  let release: string
  before(() => {
    release = servedRelease()
  })

  it("is understood by dash, and shellcheck finds nothing to say about it and what tests it", () => {
    execFileSync("dash", ["-n", SCRIPT])
    const others = ["test/packaging/systemd/inside.sh", ".ci/run"].map((path) => join(ROOT, path))
    assert.equal(spawnSync("shellcheck", [SCRIPT, ...others], { encoding: "utf8" }).stdout, "")
  })

  it(`does nothing when it was cut, wherever that was (CUT_SEED=${SEED})`, function () {
    const isFull = scaled(0, 1) === 1
    this.timeout(isFull ? 1_800_000 : 300_000)
    const text = readFileSync(join(release, "install.sh"))
    const end = text.lastIndexOf("}")
    const random = seededRandom(SEED)
    const cuts = new Set(Array.from({ length: RANDOM_CUTS }, () => random.below(end)))
    for (let at = 0; at <= end; at++) {
      if (text[at] === 10 || at > end - LAST_BYTES || isFull) cuts.add(at)
    }
    const home = tempDir("home")
    const ran = join(home, "ran")
    const every = TOOLS.concat("curl", "wget", "systemctl")
    const commands = Object.fromEntries(every.map((name) => [name, `echo ${name} >>${ran}`]))
    const env = { HOME: home, PATH: pathWith(commands), MESG_MIRROR: "http://127.0.0.1:9" }
    for (const cut of cuts) {
      const { stdout } = spawnSync("/bin/dash", { input: text.subarray(0, cut), env, encoding: "utf8" })
      assert.equal(stdout, "", `cut at ${cut}`)
      assert.deepEqual(readdirSync(home), [], `cut at ${cut}`)
    }
    assert.ok(cuts.size > 700, `${cuts.size} cuts`)
    // The whole of it does something: what was looked at above can be seen.
    spawnSync("/bin/dash", { input: text, env, encoding: "utf8" })
    assert.notDeepEqual(readdirSync(home), [])
  })

  it("says on a dry run what it would do, and does not", async () => {
    const home = tempDir("home")
    const { status, stdout } = await install(release, { home, env: PORTS, args: ["--dry-run"] })
    assert.match(stdout, /^mesg: would: install version 0\.1\.0 for \w+ to .*\n$/)
    assert.equal(status, 0)
    assert.deepEqual(filesBelow(home), [])
  })
})
