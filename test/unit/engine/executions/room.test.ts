import assert from "node:assert/strict"
import { testEngine } from "../../../support/engine.ts"
import { ONE_WAITS, WORK, workApplication } from "../../../support/work-service.ts"

const OK = { kind: "result", status: "ok", data: {} } as const

describe("room for executions", () => {
  it("is there again for those who wait once the running ones wait for events", async () => {
    const first = Promise.withResolvers<typeof OK>()
    const execute = () => first.promise
    const test = await testEngine([{ manifest: WORK, execute }], { maxActive: 1 })
    await test.engine.applications.deploy(workApplication("app", ONE_WAITS), {})
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
    const test = await testEngine([{ manifest: WORK, execute: () => new Promise(() => {}) }], { maxActive: 1 })
    await test.engine.applications.deploy(workApplication("app", ONE_WAITS), {})
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
