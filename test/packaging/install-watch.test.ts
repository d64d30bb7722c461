import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"

/** The functions of the script that watch a start, as they stand there. */
const WATCH = ["sc", "look", "seen", "starts_well", "is_same", "comes_up", "has_ended", "uptime_s"]

/** A systemd that owes answers, and in which the service may be another run by then. */
const SYSTEMCTL = `#!/bin/sh
case "$*" in
  "show -p"*)
    n=$(($(cat "$LOOKS") + 1))
    echo $n >"$LOOKS"
    run=first
    if [ $n -ge "$ANOTHER_FROM" ]; then run=another; fi
    if [ $n -gt 1 ] && [ $n -le "$SILENT_UNTIL" ]; then exit 1; fi
    printf 'ActiveState=active\\nNRestarts=0\\nStatusText=\\nInvocationID=%s\\n' $run
    ;;
esac
`
const NEVER = 1000

describe("install.sh watches a start", function () {
  this.timeout(60_000)
  const script = readFileSync(join(ROOT, "install.sh"), "utf8")
  const functions = WATCH.map((name) => {
    const found = new RegExp(`^  ${name}\\(\\) \\{(?:.*\\}$|[^]*?^  \\}$)`, "m").exec(script)
    assert.ok(found, `there is no ${name}`)
    return found[0]
  })

  async function watched(silentUntil: number, anotherFrom: number): Promise<boolean> {
    const folder = tempDir("watch")
    const prefix = join(folder, "prefix")
    mkdirSync(join(prefix, "v1"), { recursive: true })
    symlinkSync("v1", join(prefix, "current"))
    const commands: [path: string, text: string][] = [
      [join(folder, "systemctl"), SYSTEMCTL],
      [join(prefix, "v1/mesg"), `#!/bin/sh\necho '{"version":"v1"}'\n`],
    ]
    for (const [path, text] of commands) {
      writeFileSync(path, text)
      chmodSync(path, 0o755)
    }
    const looks = join(folder, "looks")
    writeFileSync(looks, "0")
    const settings = `set -u; user=no prefix=${prefix} home=${folder} ANSWER_S=5 START_S=8 SILENT_S=8 looked='' born=''`
    const text = [settings, ...functions, "if starts_well 2; then echo well; else echo not; fi"].join("\n")
    const env = {
      PATH: [folder, process.env["PATH"]].join(delimiter),
      LOOKS: looks,
      SILENT_UNTIL: String(silentUntil),
      ANOTHER_FROM: String(anotherFrom),
    }
    const { stdout } = await promisify(execFile)("dash", ["-c", text], { env })
    return stdout.trim() === "well"
  }

  const cases: { name: string; silentUntil: number; anotherFrom: number; well: boolean }[] = [
    { name: "takes one that stays as it came up", silentUntil: 0, anotherFrom: NEVER, well: true },
    { name: "waits for an answer that is late", silentUntil: 5, anotherFrom: NEVER, well: true },
    { name: "sees that it was started again", silentUntil: 0, anotherFrom: 2, well: false },
    { name: "sees that it was started again while nothing was said", silentUntil: 5, anotherFrom: 3, well: false },
    { name: "takes none of which nothing is said any more", silentUntil: NEVER, anotherFrom: NEVER, well: false },
  ]
  for (const { name, silentUntil, anotherFrom, well } of cases) {
    it(name, async () => assert.equal(await watched(silentUntil, anotherFrom), well))
  }
})
