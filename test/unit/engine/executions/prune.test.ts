import assert from "node:assert/strict"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { type TestEngine, testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const DAY_MS = 86_400_000
const ANY = { data: { type: "object" } } as const

const manifest: ManifestInput = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  events: { go: ANY, later: ANY },
  tasks: { do: { statuses: { ok: ANY }, effect: "pure" } },
}
const application = {
  name: "work",
  workflows: {
    short: { trigger: { service: "work", event: "go" }, tasks: { a: { run: "work.do" } } },
  },
}
const waiting = {
  name: "waiting",
  workflows: {
    long: {
      trigger: { service: "work", event: "go" },
      tasks: {
        a: { run: "work.do" },
        b: { run: "work.do", after: "a.ok", wait: { service: "work", event: "later" } },
      },
    },
  },
}

function go(test: TestEngine, data: { padding?: string } = {}) {
  return test.engine.events.accept({ service: "work", event: "go", data })
}

/** Time passes at once: each timer rings at most once. */
async function jump(test: TestEngine, ms: number): Promise<void> {
  test.clock.advance(ms)
  await test.settle()
}

describe("pruning", () => {
  it("takes what ended longer ago than it is kept, and nothing else", async () => {
    const test = await testEngine([{ manifest }])
    await test.engine.applications.deploy(application, {})
    await test.engine.applications.deploy(waiting, {})
    await go(test)
    await jump(test, DAY_MS / 2)
    await go(test)
    await jump(test, DAY_MS / 2)
    await jump(test, DAY_MS / 4)
    const kept = test.engine.executions.list({}).items.map(({ app, status }) => `${app} ${status}`)
    assert.deepEqual(kept.sort(), ["waiting waiting", "waiting waiting", "work completed"])
    await test.stop()
  })

  it("takes the oldest that ended when the quota is nearly reached, and never one that has not", async () => {
    const store = new MemoryStore({ quotaBytes: 200_000 })
    const test = await testEngine([{ manifest }], { store })
    await test.engine.applications.deploy(waiting, {})
    const { executions } = await go(test)
    await test.engine.applications.remove("waiting" as never)
    await test.engine.applications.deploy(application, {})
    const newest = { id: "" }
    for (let i = 0; i < 40; i++) {
      newest.id = (await go(test, { padding: "x".repeat(8000) })).executions[0]!
      await jump(test, 5000)
    }
    const { bytes, quotaBytes } = store.usage()
    assert.equal(bytes < quotaBytes * 0.85, true, `${bytes} of ${quotaBytes} bytes`)
    const kept = test.engine.executions.list({}).items.map(({ id }) => id)
    assert.equal(kept.includes(executions[0]!), true)
    assert.equal(kept.includes(newest.id as never), true)
    await test.stop()
  })
})
