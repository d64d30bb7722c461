import assert from "node:assert/strict"
import type { ApplicationName } from "../../../../agent/base/ids.ts"
import { EVENT_DATA_BYTES_MAX } from "../../../../agent/base/limits.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { type TestEngine, testEngine } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

const METERED: ManifestInput = {
  ...WORK,
  events: { go: { data: { type: "object", properties: { kwh: { type: "number" } }, required: ["kwh"] } } },
}
const APP = "app" as ApplicationName

describe("an execution that is started by hand", () => {
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([{ manifest: METERED }])
    await test.engine.applications.deploy(workApplication("app"), {})
  })
  afterEach(() => test.stop())

  it("takes data that fits the trigger's event", async () => {
    const { trigger } = await test.engine.applications.run(APP, null, { kwh: 3 })
    assert.deepEqual([trigger.service, trigger.event, trigger.data], ["work", "go", { kwh: 3 }])
  })

  const refused = [
    { name: "misses a field", data: {}, code: "EVENT_DATA_INVALID", message: /work\/go: data: .*'kwh'/ },
    { name: "has a wrong type", data: { kwh: "3" }, code: "EVENT_DATA_INVALID", message: /data\/kwh: must be number/ },
    { name: "is no object", data: 3, code: "EVENT_DATA_INVALID", message: /data: must be object/ },
    {
      name: "is too large",
      data: { kwh: 3, text: "x".repeat(EVENT_DATA_BYTES_MAX) },
      code: "EVENT_TOO_LARGE",
      message: /larger than/,
    },
  ]
  for (const { name, data, code, message } of refused) {
    it(`is refused where its data ${name}, and leaves nothing behind`, async () => {
      const { applications, executions } = test.engine
      await assert.rejects(applications.run(APP, null, data), { code, message })
      assert.deepEqual(executions.list({ limit: 10 }).items, [])
    })
  }

  it("is held against the schema that the application was deployed with", async () => {
    const again = await testEngine([{ manifest: WORK }], { store: test.store, clock: test.clock })
    await assert.rejects(again.engine.applications.run(APP, null, {}), { code: "EVENT_DATA_INVALID" })
    await again.stop()
  })
})

describe("an application that is called as a task", () => {
  it("ends the task in error where the inputs do not fit its trigger", async () => {
    const test = await testEngine([{ manifest: METERED }])
    const { applications, executions } = test.engine
    const called = { ...workApplication("called"), visibility: "public", outputs: { done: { from: "a.ok" } } }
    await applications.deploy(called, {})
    await applications.deploy(workApplication("app", { a: { run: "app:called", with: { kwh: "many" } } }), {})
    const { id } = await applications.run(APP, null, { kwh: 1 })
    await test.settle()
    const { status, tasks } = executions.show(id)
    assert.deepEqual([status, tasks["a"]?.status], ["failed", "error"])
    assert.match(JSON.stringify(tasks["a"]?.data), /INPUTS_INVALID.*inputs\/kwh: must be number/)
    await test.stop()
  })
})
