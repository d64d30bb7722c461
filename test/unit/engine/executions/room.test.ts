import assert from "node:assert/strict"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { testEngine } from "../../../support/engine.ts"

const ANY = { data: { type: "object" } } as const
const manifest: ManifestInput = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  events: { go: ANY, later: ANY },
  tasks: { do: { statuses: { ok: ANY }, effect: "idempotent" } },
}
const application = {
  name: "app",
  workflows: {
    w: {
      trigger: { service: "work", event: "go" },
      tasks: {
        a: { run: "work.do" },
        b: { run: "work.do", after: "a.ok", wait: { service: "work", event: "later" } },
      },
    },
  },
}
const OK = { kind: "result", status: "ok", data: {} } as const

describe("room for executions", () => {
  it("is there again for those who wait once the running ones wait for events", async () => {
    const first = Promise.withResolvers<typeof OK>()
    const execute = () => first.promise
    const test = await testEngine([{ manifest, execute }], { maxActive: 1 })
    await test.engine.applications.deploy(application, {})
    const emitted = [1, 2, 3].map(() => test.bridge("work").emit("go", {}))
    await test.settle()
    assert.deepEqual({ ...test.engine.executions.counts() }, counts({ running: 1 }))
    first.resolve(OK)
    await test.settle()
    assert.deepEqual({ ...test.engine.executions.counts() }, counts({ waiting: 3 }))
    await Promise.all(emitted)
    await test.stop()
  })

  it("is asked for by who starts executions by hand or again, too", async () => {
    const test = await testEngine([{ manifest, execute: () => new Promise(() => {}) }], { maxActive: 1 })
    await test.engine.applications.deploy(application, {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    const overloaded = { code: "OVERLOADED" }
    await assert.rejects(test.engine.applications.run("app" as never, null, {}), overloaded)
    await assert.rejects(test.engine.services.call("work" as never, "do", {}, 0), overloaded)
    await test.engine.executions.cancel(executions[0]!)
    await test.settle()
    await test.engine.applications.run("app" as never, null, {})
    await assert.rejects(test.engine.executions.retry(executions[0]!), overloaded)
    await test.stop()
  })
})

function counts(some: { running?: number; waiting?: number }) {
  return { running: 0, waiting: 0, completed: 0, failed: 0, cancelled: 0, ...some }
}
