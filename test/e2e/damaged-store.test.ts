import assert from "node:assert/strict"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startAgent, type TestAgent } from "../support/agent.ts"

interface Doctor {
  readonly checks: readonly { id: string; ok: boolean; detail: string; remedy: string | null }[]
}

describe("an agent whose store was damaged", function () {
  this.timeout(60_000)
  const recoveryOf = async (agent: TestAgent) =>
    (JSON.parse((await agent.cli("doctor", "--json")).stdout) as Doctor).checks.find(({ id }) => id === "recovery")!

  it("says so in status and doctor, after more restarts too, until it is acknowledged", async () => {
    const first = await startAgent()
    await first.kill()
    const { home } = first
    const file = join(home, "data", "store.mdb")
    writeFileSync(file, readFileSync(file).fill(0xff, 0, 8192))
    await (await startAgent({ home })).kill()
    const agent = await startAgent({ home })
    try {
      const status = await agent.json<{ alarm: string | null }>("status")
      assert.match(
        status.alarm!,
        /^the store was damaged .* everything before is lost; the damaged file is .*quarantine/,
      )
      assert.match((await agent.cli("status")).stdout, /^alarm +the store was damaged/m)
      const { ok, detail, remedy } = await recoveryOf(agent)
      assert.equal(ok, false)
      assert.match(detail, /no good copy/)
      const noticed = /rm (\S+)$/.exec(remedy!)![1]!
      rmSync(noticed)
      assert.equal((await agent.json<{ alarm: string | null }>("status")).alarm, null)
      assert.equal((await recoveryOf(agent)).ok, true)
    } finally {
      await agent.stop()
      agent.clean()
    }
  })
})
