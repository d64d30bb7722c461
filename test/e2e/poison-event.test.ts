import assert from "node:assert/strict"
import { once } from "node:events"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ManifestInput } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const MANIFEST: Partial<ManifestInput> = {
  id: "wild",
  isolation: "in-process",
  events: { seen: { data: {} } },
  tasks: { work: { statuses: { done: {} }, effect: "pure" } },
}
const APPLICATION = {
  name: "seen",
  workflows: { seen: { trigger: { service: "wild", event: "seen" }, tasks: { work: { run: "wild.work" } } } },
}

describe("an event whose task ends the process", function () {
  this.timeout(60_000)

  it("is acknowledged after the crash, before its task runs: it comes no third time, and counts once", async () => {
    const poison = join(tempDir("poison"), "here")
    writeFileSync(poison, "")
    const code = `import { existsSync } from "node:fs"
      export default { tasks: { work: () => {
        if (existsSync(${JSON.stringify(poison)})) process.exit(9)
        return { status: "done", data: {} }
      } } }`
    const emit = (agent: TestAgent) => agent.api("POST", "/services/wild/events/seen", { data: {}, id: "once" })
    let agent = await startAgent()
    const { home } = agent
    try {
      await agent.json("service", "add", serviceFolder(MANIFEST, code), "--trust")
      assert.ok((await agent.api("PUT", "/applications/seen", APPLICATION)).ok)
      let ended = once(agent.process, "exit")
      await assert.rejects(emit(agent), "nobody acknowledged what was not durable")
      assert.deepEqual(await ended, [9, null])

      agent = await startAgent({ home })
      const { items } = await agent.json<{ items: unknown[] }>("execution", "list")
      assert.deepEqual(items, [], "what was not acknowledged has left nothing")
      ended = once(agent.process, "exit")
      // The process ends by the task; whether the answer was still sent is a matter of microseconds.
      await emit(agent).then(
        (answer) => assert.equal(answer.status, 202),
        (error: unknown) => assert.ok(error instanceof TypeError),
      )
      assert.deepEqual(await ended, [9, null])

      rmSync(poison)
      agent = await startAgent({ home })
      interface Seen {
        readonly status: string
        readonly trigger: { readonly id: string }
      }
      const found = async () => (await agent.json<{ items: Seen[] }>("execution", "list")).items
      await until(async () => (await found()).every(({ status }) => status === "completed"), 20_000, "its end")
      assert.deepEqual(
        (await found()).map(({ trigger }) => trigger.id),
        ["once"],
      )
      const again = (await (await emit(agent)).json()) as { readonly duplicate: boolean }
      assert.equal(again.duplicate, true)
    } finally {
      await agent.kill()
      agent.clean()
    }
  })
})
