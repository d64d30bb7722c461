import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Plugin, recordingPlugin } from "../../support/run-plugin.ts"
import type { RecordingBridge } from "../../support/service-bridge.ts"
import { tempDir } from "../../support/temp-dir.ts"
import { hasEnded } from "../../support/process-state.ts"
import { until } from "../../support/until.ts"

describe("the service shell", () => {
  let plugin: Plugin<RecordingBridge>
  const folder = tempDir("shell")
  before(async () => {
    process.env["SHELL_CANARY"] = "canary"
    plugin = await recordingPlugin("shell", {
      commands: {
        show: { run: "/usr/bin/printf", args: ["%s|", "{a}", "{b}"] },
        dashed: { run: "/usr/bin/printf", args: ["%s", "{a}"], dashes: true },
        env: { run: "/usr/bin/env", env: { MINE: "1" } },
        cat: { run: "/bin/cat" },
        fail: { run: "/bin/sh", args: ["-c", "echo out; echo err >&2; exit 3"] },
        slow: { run: "/bin/sh", args: ["-c", `sleep 600 & echo $! > ${folder}/pid; wait`], timeoutMs: 300 },
        wait: { run: "/bin/sh", args: ["-c", `echo $$ > ${folder}/waiting; sleep 600`] },
        flood: { run: "/usr/bin/head", args: ["-c", "1000000", "/dev/zero"], outputBytes: 100 },
        missing: { run: "/nowhere/program" },
        lost: { run: "/bin/cat", folder: "/nowhere/folder" },
      },
    })
  })
  after(() => plugin.stop())

  const out = async (inputs: { command: string; values?: Record<string, string>; input?: string }) => {
    const answer = await plugin.call("run", inputs)
    assert.ok(answer.kind === "result", JSON.stringify(answer))
    return {
      status: answer.status,
      ...(answer.data as {
        code: number
        stdout: string
        stderr: string
        reason?: string
        truncated: boolean
        timedOut: boolean
        signal: string | null
      }),
    }
  }

  it("hands values over as one argument each, whatever is in them", async () => {
    const nasty = `$(touch ${folder}/owned); "x" 'y' && z *`
    const { status, stdout } = await out({ command: "show", values: { a: nasty, b: "" } })
    assert.deepEqual([status, stdout], ["ok", `${nasty}||`])
    assert.ok(!existsSync(join(folder, "owned")))
  })

  const refused: [string, { command: string; values?: Record<string, string> }, RegExp][] = [
    ["a command that is not allowed", { command: "rm" }, /no command rm/],
    ["a command named like a member of every object", { command: "constructor" }, /no command/],
    ["a value that is missing", { command: "show", values: { a: "1" } }, /needs a value `b`/],
    ["a value that is too many", { command: "show", values: { a: "1", b: "2", c: "3" } }, /no value `c`/],
    ["a value that is an option", { command: "show", values: { a: "--help", b: "" } }, /begins with a dash/],
    ["a value with a zero byte", { command: "show", values: { a: "a\0b", b: "" } }, /zero byte/],
    ["a program that is not there", { command: "missing" }, /nowhere\/program.*ENOENT/],
    ["a folder that is not there", { command: "lost" }, /^its folder \/nowhere\/folder does not exist$/],
  ]
  for (const [name, inputs, reason] of refused) {
    it(`refuses ${name}`, async () => {
      const answer = await out(inputs)
      assert.equal(answer.status, "refused")
      assert.match(answer.reason ?? "", reason)
    })
  }

  it("lets a dash through where the owner says so", async () => {
    assert.equal((await out({ command: "dashed", values: { a: "-5" } })).stdout, "-5")
  })

  it("gives the command nothing of the agent's environment", async () => {
    const { stdout } = await out({ command: "env" })
    assert.match(stdout, /^MINE=1$/m)
    assert.doesNotMatch(stdout, /canary|HOME=/)
  })

  it("hands input over and tells code and outputs of a failure", async () => {
    assert.equal((await out({ command: "cat", input: "hello" })).stdout, "hello")
    const failed = await out({ command: "fail" })
    assert.deepEqual([failed.status, failed.code, failed.stdout, failed.stderr], ["failed", 3, "out\n", "err\n"])
  })

  it("ends a command at its timeout, with what it started", async () => {
    const slow = await out({ command: "slow" })
    assert.deepEqual([slow.status, slow.timedOut, slow.signal], ["failed", true, "SIGKILL"])
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"))
    await until(() => hasEnded(pid), 5000, "the end of what the command started")
  })

  it("cuts output where the owner says", async () => {
    const { stdout, truncated } = await out({ command: "flood" })
    assert.deepEqual([stdout.length, truncated], [100, true])
  })

  it("a command that is ended by a cancel has an unknown outcome", async () => {
    const cancel = new AbortController()
    const answer = plugin.call("run", { command: "wait" }, { signal: cancel.signal })
    while (!existsSync(join(folder, "waiting"))) await new Promise((go) => setImmediate(go))
    cancel.abort()
    const ended = await answer
    assert.deepEqual(ended.kind === "error" ? [ended.code, ended.outcome] : ended, ["TASK_ABORTED", "unknown"])
  })
})
