import assert from "node:assert/strict"
import { testEngine } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

const application = (task: string) => workApplication("app", { [task]: { run: "work.do" } })

describe("changes of applications", () => {
  it("that come at once make a version each, and the last one counts, also after a restart", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const { applications, executions, events } = test.engine
    const deployed = await Promise.all(["a", "b", "c"].map((task) => applications.deploy(application(task), {})))
    assert.deepEqual(
      deployed.map(({ version }) => version),
      [1, 2, 3],
    )
    const accepted = await events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    const id = accepted.executions[0]!
    assert.deepEqual(Object.keys(executions.show(id).tasks), ["c"])
    await test.stop()
    const again = await testEngine([{ manifest: WORK }], { store: test.store, clock: test.clock })
    assert.deepEqual(Object.keys(again.engine.executions.show(id).tasks), ["c"])
    await again.stop()
  })

  it("that fail keep nothing from those that come after", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const { applications } = test.engine
    const removed = applications.remove("app" as never)
    const deployed = applications.deploy(application("a"), {})
    await assert.rejects(removed, { code: "APPLICATION_NOT_FOUND" })
    assert.equal((await deployed).version, 1)
    await test.stop()
  })
})
