import assert from "node:assert/strict"
import { testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { ONE_WAITS, WORK, workApplication } from "../../../support/work-service.ts"

/** As on a real device what is written can be read before the writer hears of it. */
class LateStore extends MemoryStore {
  late: Promise<void> = Promise.resolve()

  override async write(...given: Parameters<MemoryStore["write"]>): Promise<void> {
    await super.write(...given)
    await this.late
  }
}

describe("the list of executions", () => {
  it("names one whose end is just being written once", async () => {
    const store = new LateStore()
    const test = await testEngine([{ manifest: WORK }], { store })
    await test.engine.applications.deploy(workApplication("app"), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.late = promise
    await test.settle()
    const ids = () => test.engine.executions.list({}).items.map(({ id }) => id)
    assert.deepEqual(ids(), executions)
    resolve()
    await test.settle()
    assert.deepEqual(ids(), executions)
    await test.stop()
  })

  it("names none that would then not be found: one whose end waits to be written has ended for who cancels or retries", async () => {
    const store = new MemoryStore()
    const test = await testEngine([{ manifest: WORK }], { store })
    await test.engine.applications.deploy(workApplication("app", ONE_WAITS), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    store.hold()
    const cancelling = test.engine.executions.cancel(executions[0]!)
    await test.settle()
    assert.deepEqual(
      test.engine.executions.list({}).items.map(({ status }) => status),
      ["waiting"],
    )
    await assert.rejects(test.engine.executions.cancel(executions[0]!), { code: "EXECUTION_ENDED" })
    await assert.rejects(test.engine.executions.retry(executions[0]!), { code: "EXECUTION_NOT_ENDED" })
    store.release()
    assert.equal((await cancelling).status, "cancelled")
    await test.stop()
  })
})
