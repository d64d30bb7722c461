import assert from "node:assert/strict"
import { testEngine } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

describe("the transitions of an execution", () => {
  it("are numbered one by one, over all its steps", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const two = { a: { run: "work.do" }, b: { run: "work.do", after: "a.ok" } }
    await test.engine.applications.deploy(workApplication("shop", two), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    const { status, transitions } = test.engine.executions.show(executions[0]!)
    assert.equal(status, "completed")
    assert.deepEqual(
      transitions.map(({ seq }) => seq),
      Array.from(transitions, (_, index) => index + 1),
    )
    // Each step is one write and holds several of them.
    assert.equal(transitions.length, 9)
    await test.stop()
  })
})
