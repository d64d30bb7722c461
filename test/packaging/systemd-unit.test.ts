import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"

const UNIT = join(ROOT, "packaging/system/mesg.service")
const DEVICES = join(ROOT, "packaging/system/devices.conf")
/** 2.0, in tenths. */
const EXPOSURE_MAX = "20"

function analyze(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync("systemd-analyze", words, {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, XDG_RUNTIME_DIR: tempDir("runtime") },
  })
  return { status, text: `${stdout}${stderr}` }
}

/** The unit with another program, as the one of the installed agent is not there. */
function unitWith(change: (text: string) => string): string {
  const file = join(tempDir("unit"), "mesg.service")
  writeFileSync(file, change(readFileSync(UNIT, "utf8")).replace("/opt/mesg/current/mesg", process.execPath))
  return file
}

describe("the unit of systemd", function () {
  this.timeout(60_000)

  it("is understood to the last word", () => {
    const { status, text } = analyze("verify", "--man=no", unitWith(String))
    assert.equal(text, "")
    assert.equal(status, 0)
  })

  it("is understood as a user's own, too", () => {
    const file = join(tempDir("unit"), "mesg.service")
    const text = readFileSync(join(ROOT, "packaging/system/mesg.user.service"), "utf8")
    writeFileSync(file, text.replace("%h/.local/lib/mesg/current/mesg", process.execPath))
    const { status, text: said } = analyze("verify", "--user", "--man=no", file)
    assert.equal(said, "")
    assert.equal(status, 0)
  })

  it("is not called good where a word of it is wrong", () => {
    assert.match(
      analyze(
        "verify",
        "--man=no",
        unitWith((text) => text.replace("WatchdogSec", "WatchdogSecs")),
      ).text,
      /Unknown key/,
    )
  })

  it("lets the agent at little of the system", () => {
    const { status, text } = analyze("security", "--offline=yes", `--threshold=${EXPOSURE_MAX}`, UNIT)
    assert.equal(status, 0, text)
    const open = unitWith((text) => text.replace(/^(?:Protect|Private|Restrict|Capab).*$/gm, ""))
    assert.notEqual(analyze("security", "--offline=yes", `--threshold=${EXPOSURE_MAX}`, open).status, 0)
  })

  it("opens serial ports and GPIO by a drop-in that is understood, and lets the agent at little else", () => {
    const opened = (change: (text: string) => string) => {
      const unit = unitWith(String)
      mkdirSync(`${unit}.d`)
      writeFileSync(join(`${unit}.d`, "devices.conf"), change(readFileSync(DEVICES, "utf8")))
      return unit
    }
    assert.deepEqual(analyze("verify", "--man=no", opened(String)), { status: 0, text: "" })
    const misspelt = opened((text) => text.replace("DevicePolicy", "DevicePolicies"))
    assert.match(analyze("verify", "--man=no", misspelt).text, /devices\.conf:\d+: Unknown key/)
    const { status, text } = analyze("security", "--offline=yes", `--threshold=${EXPOSURE_MAX}`, opened(String))
    assert.equal(status, 0, text)
    assert.match(text, /char-ttyUSB:rw/)
  })

  it("forbids no memory that becomes code: V8 would end at once", () => {
    assert.doesNotMatch(readFileSync(UNIT, "utf8"), /^MemoryDenyWriteExecute/m)
  })
})
