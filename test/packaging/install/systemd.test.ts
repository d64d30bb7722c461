import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import { functionsOf } from "../../support/installer.ts"
import { tempDir } from "../../support/temp-dir.ts"

/** The functions of the script that ask systemd and watch a start, as they stand there. */
const FUNCTIONS = "die has sc has_systemd look seen is_running starts_well is_same comes_up has_ended uptime_s".split(
  " ",
)

/** A systemd that owes answers, and in which the service may be another run by then. */
const SYSTEMCTL = `#!/bin/sh
case "$*" in
  *"show -p"*)
    n=$(($(cat "$LOOKS") + 1))
    echo $n >"$LOOKS"
    run=first
    if [ $n -ge "$ANOTHER_FROM" ]; then run=another; fi
    if [ $n -ge "$SILENT_FROM" ] && [ $n -le "$SILENT_UNTIL" ]; then eval "$SILENCE"; fi
    printf 'ActiveState=%s\\nNRestarts=0\\nStatusText=\\nInvocationID=%s\\n' "$STATE" $run
    ;;
esac
`
const NEVER = 1000

/** Which looks are not answered and how, from which on it is another run, and what systemd says of it. */
interface Systemd {
  readonly silentFrom?: number
  readonly silentUntil?: number
  readonly silence?: string
  readonly anotherFrom?: number
  readonly state?: string
}

describe("install.sh asks systemd", function () {
  this.timeout(60_000)
  const functions = functionsOf(FUNCTIONS)

  /** Runs `text` behind the functions, for the agent of one user; `settings` beside those that are quick. */
  async function told(text: string, systemd: Systemd, settings = ""): Promise<{ said: string; looks: number }> {
    const folder = tempDir("watch")
    const prefix = join(folder, "prefix")
    mkdirSync(join(prefix, "v1"), { recursive: true })
    symlinkSync("v1", join(prefix, "current"))
    const commands: [path: string, text: string][] = [
      [join(folder, "systemctl"), SYSTEMCTL],
      [join(prefix, "v1/mesg"), `#!/bin/sh\necho '{"version":"v1"}'\n`],
    ]
    for (const [path, body] of commands) {
      writeFileSync(path, body)
      chmodSync(path, 0o755)
    }
    const looks = join(folder, "looks")
    writeFileSync(looks, "0")
    const set = `set -u; user=yes prefix=${prefix} home=${folder} ANSWER_S=5 START_S=8 SILENT_S=8 looked='' born=''`
    const env = {
      PATH: [folder, process.env["PATH"]].join(delimiter),
      LOOKS: looks,
      SILENT_FROM: String(systemd.silentFrom ?? NEVER),
      SILENT_UNTIL: String(systemd.silentUntil ?? NEVER),
      SILENCE: systemd.silence ?? "exit 1",
      ANOTHER_FROM: String(systemd.anotherFrom ?? NEVER),
      STATE: systemd.state ?? "active",
    }
    const words = ["-c", [set, settings, ...functions, `(${text}) 2>&1 || echo "ended with $?"`].join("\n")]
    const { stdout } = await promisify(execFile)("dash", words, { env })
    return { said: stdout.trim(), looks: Number(readFileSync(looks, "utf8")) }
  }

  describe("how a start goes on", () => {
    const cases: ({ name: string; well: boolean } & Systemd)[] = [
      { name: "takes one that stays as it came up", well: true },
      { name: "waits for an answer that is late", silentFrom: 2, silentUntil: 5, well: true },
      { name: "sees that it was started again", anotherFrom: 2, well: false },
      {
        name: "sees that it was started again while nothing was said",
        silentFrom: 2,
        silentUntil: 5,
        anotherFrom: 3,
        well: false,
      },
      { name: "takes none of which nothing is said any more", silentFrom: 2, well: false },
    ]
    for (const { name, well, ...systemd } of cases) {
      it(name, async () => {
        const { said } = await told("if starts_well 2; then echo well; else echo not; fi", systemd)
        assert.equal(said, well ? "well" : "not")
      })
    }
  })

  describe("whether it runs", () => {
    const noAnswer =
      "mesg: systemd does not answer, so nobody can say whether mesg runs; nothing was changed\nended with 1"
    const cases: ({ name: string; said: string; looks?: number; settings?: string } & Systemd)[] = [
      { name: "takes one that is up for running", said: "runs", looks: 1 },
      { name: "takes one that is coming up for running", state: "activating", said: "runs", looks: 1 },
      { name: "takes one that has failed for not running", state: "failed", said: "does not", looks: 1 },
      { name: "asks again when an answer is owed", silentFrom: 1, silentUntil: 5, said: "runs", looks: 6 },
      { name: "ends when no answer comes: it may well run", silentFrom: 1, said: noAnswer, looks: 6 },
      {
        name: "waits for no answer longer than it says",
        silentFrom: 1,
        silence: "exec tail -f /dev/null",
        settings: "ANSWER_S=0.5",
        said: noAnswer,
      },
    ]
    for (const { name, said, looks, settings, ...systemd } of cases) {
      it(name, async () => {
        const text = "if is_running; then echo runs; else echo does not; fi"
        const actual = await told(text, systemd, settings)
        assert.equal(actual.said, said)
        if (looks !== undefined) assert.equal(actual.looks, looks)
      })
    }
  })
})
