import assert from "node:assert/strict"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startAgent } from "../support/agent.ts"
import { addProbe, executionsOf } from "../support/probe-service.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const FAKETIME = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

describe("a wall clock that jumps", function () {
  this.timeout(90_000)

  it("by -1 day and +1 year over restarts and while running loses, doubles and hurries nothing", async () => {
    assert.ok(FAKETIME !== undefined, "libfaketime is not installed: apt install faketime")
    const home = tempDir("clock")
    const clock = join(tempDir("faketime"), "offset")
    // The file is read anew at every look at the clock; the monotonic clock stays what it is.
    const env = {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }
    const jump = (offset: string) => writeFileSync(clock, offset)
    jump("+0")
    let agent = await startAgent({ home, env })
    try {
      await addProbe(agent)
      const waiting = {
        name: "waiting",
        workflows: {
          seen: {
            trigger: { service: "probe", event: "seen", where: "data.n < 1000" },
            tasks: {
              take: { run: "probe.take" },
              answer: {
                run: "probe.take",
                after: "take.done",
                wait: { service: "probe", event: "seen", where: "data.n = trigger.data.n + 1000", timeout: "2h" },
              },
            },
          },
        },
      }
      assert.ok((await agent.api("PUT", "/applications/waiting", waiting)).ok)
      const emit = async (n: number) => {
        const answer = await agent.api("POST", "/services/probe/events/seen", { data: { n }, id: `n${n}` })
        assert.equal(answer.status, 202, await answer.text())
      }
      let sent = 0
      const some = async () => {
        for (let i = 0; i < 5; i++) await emit(sent++)
        // A repeat from before the jump is still a repeat.
        for (let n = 0; n < sent; n += 3) await emit(n)
      }
      await some()
      for (const offset of ["-1d", "+0", "-1d"]) {
        jump(offset)
        await some()
        await agent.kill()
        agent = await startAgent({ home, env })
        await some()
      }
      const found = await executionsOf(agent, "waiting")
      assert.equal(found.length, sent)
      // Two hours have not passed: a wall clock that went back or came again ends no wait.
      assert.deepEqual([...new Set(found.map(({ status }) => status))], ["waiting"])
      for (let n = 0; n < sent; n += 2) await emit(n + 1000)
      const completed = async () =>
        (await executionsOf(agent, "waiting")).filter(({ status }) => status === "completed").length
      await until(async () => (await completed()) === Math.ceil(sent / 2), 20_000, "the answered ones")

      // A year ahead while it runs: timers follow what really passed, so nothing stampedes.
      jump("+1y")
      await some()
      assert.equal(await completed(), Math.ceil(found.length / 2))
      // Over a restart the year has passed for all anybody knows: waits end, each once.
      await agent.kill()
      agent = await startAgent({ home, env })
      const ended = async () =>
        (await executionsOf(agent, "waiting")).every(({ status }) => status === "completed" || status === "failed")
      await until(ended, 20_000, "the overdue waits")
      const all = await executionsOf(agent, "waiting")
      assert.equal(all.length, sent)
      assert.equal(new Set(all.map(({ trigger }) => trigger.id)).size, sent)
      for (const { tasks } of all) assert.ok(["done", "timed-out"].includes(tasks["answer"]?.status ?? ""))
    } finally {
      await agent.kill()
    }
  })
})
