import assert from "node:assert/strict"
import { testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

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
})
