import assert from "node:assert/strict"
import type { ExecutionId } from "../../../../agent/base/ids.ts"
import { objectOf } from "../../../support/cli.ts"
import { commandsUnderTest } from "../../../support/commands.ts"
import { FAKE_TIME_MS } from "../../../support/fake-core.ts"

describe("commands that follow what happens", () => {
  const tested = commandsUnderTest()
  const { run } = tested

  it("follow an execution until it ends, with its end as the exit code", async () => {
    for (const [end, exitCode] of [
      ["completed", 0],
      ["failed", 1],
    ] as const) {
      const { id } = tested.server.core.startExecution("running")
      let lines = 0
      const watch = run(["execution", "watch", id, "--json"], {
        onOut: () => {
          // What is shown first proves that the stream is open: now the rest happens.
          if (++lines === 1) tested.server.core.changeExecution(id as ExecutionId, end)
        },
      })
      const { exitCode: was, out } = await watch
      const statuses = out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { status: string }).status)
      assert.deepEqual([was, statuses], [exitCode, ["running", end]])
    }
    const ended = tested.server.core.startExecution("completed")
    const shown = await run(["execution", "watch", ended.id])
    assert.equal(shown.exitCode, 0)
    assert.match(shown.out, /✔ pay sent.*\n├─ ✔ tell delivered.*\[completed\]\n└─ ✔ standby ok.*\[completed\]/)
  })

  it("draw an execution over itself on a terminal", async () => {
    const { id } = tested.server.core.startExecution("running")
    let writes = 0
    const { out } = await run(["execution", "watch", id], {
      isInteractive: true,
      onOut: () => {
        if (++writes === 1) tested.server.core.changeExecution(id as ExecutionId, "completed")
      },
    })
    const lines = out.slice(0, out.indexOf("\u001b")).split("\n").length - 1
    assert.ok(out.includes(`\u001b[${lines}A\u001b[J`))
  })

  it("tail events, one JSON value a line, until the person ends it", async () => {
    const enough = new AbortController()
    let lines = 0
    const emit = (id: string) =>
      tested.server.core.events.accept({ service: "ocpp", event: "transaction-stopped", data: { kwh: 1 }, id })
    const tail = run(["event", "tail", "--service", "ocpp", "--json"], {
      signal: enough.signal,
      onOut: () => {
        if (++lines === 2) enough.abort()
      },
    })
    for (let i = 0; lines < 2; i++) {
      await emit(`e${i}`)
      await new Promise(setImmediate)
    }
    const { exitCode, out } = await tail
    assert.equal(exitCode, 0)
    for (const line of out.trim().split("\n")) assert.equal((JSON.parse(line) as { service: string }).service, "ocpp")
  })

  it("tail refused events, those of before first, each once", async () => {
    const enough = new AbortController()
    const refused = (id: string) => ({ service: "ocpp", event: "x", id, timeMs: FAKE_TIME_MS, code: "C", reason: "r" })
    for (const id of ["e1", "e2"]) tested.server.core.refuseEvent(refused(id))
    const ids: unknown[] = []
    const { exitCode } = await run(["event", "tail", "--refused", "--json"], {
      signal: enough.signal,
      onOut: (text: string) => {
        ids.push(objectOf(text)["id"])
        if (ids.length === 2) tested.server.core.refuseEvent(refused("e3"))
        if (ids.length === 3) enough.abort()
      },
    })
    assert.deepEqual([exitCode, ids], [0, ["e1", "e2", "e3"]])
  })

  it("follow the log from the level that was asked for", async () => {
    const enough = new AbortController()
    tested.server.deps.log.warn("before")
    tested.server.deps.log.debug("never")
    let seen = ""
    const logs = run(["logs", "-f", "--level", "warn"], {
      signal: enough.signal,
      onOut: (text: string) => {
        seen += text
        if (/after/.test(seen)) enough.abort()
      },
    })
    while (!enough.signal.aborted) {
      tested.server.deps.log.info("never")
      tested.server.deps.log.error("after", { n: 1 })
      await new Promise(setImmediate)
    }
    assert.equal((await logs).exitCode, 0)
    assert.match(seen, /^\d\d:\d\d:\d\d warn {2}before\n\d\d:\d\d:\d\d error after {2}n=1\n/)
    assert.ok(!seen.includes("never"))
  })

  it("tail on through a restart of the connection, and end with 3 when the agent is gone", async () => {
    const { id } = tested.server.core.startExecution("running")
    const watch = run(["execution", "watch", id, "--json"], { onOut: () => void tested.server.stop() })
    assert.equal((await watch).exitCode, 3)
  })
})
