import assert from "node:assert/strict"
import { utf8 } from "../../../../agent/base/bytes.ts"
import type { ServiceBridge } from "../../../../agent/ports/service-host.ts"
import { testEngine, type TestEngine, type TestService } from "../../../support/engine.ts"

const ANY = { data: { type: "object" } }
const SENSOR: TestService = {
  manifest: {
    id: "sensor",
    name: "Sensor",
    version: "1.0.0",
    events: { seen: ANY, other: ANY },
    tasks: { note: { statuses: { ok: ANY } } },
  },
}
const app = (event: string) => ({
  name: "watch",
  workflows: { w: { trigger: { service: "sensor", event }, tasks: { note: { run: "sensor.note" } } } },
})

describe("a subscription for an event", () => {
  let test: TestEngine
  let heard: string[]

  beforeEach(async () => {
    test = await testEngine([SENSOR])
    heard = []
    const hear: Parameters<ServiceBridge["subscribe"]>[1] = (topic) => void heard.push(topic)
    test.bridge("sensor").subscribe("house/#", hear, "seen")
  })
  afterEach(() => test.stop())

  it("hears nothing while no application uses the event", async () => {
    await test.broker.say("house/door", "open")
    await test.engine.applications.deploy(app("other"), {})
    await test.broker.say("house/door", "open")
    assert.deepEqual(heard, [])
  })

  it("hears from the deployment on until the application is paused, and again when it resumes", async () => {
    const { name } = await test.engine.applications.deploy(app("seen"), {})
    await test.broker.say("house/1", utf8("x"))
    await test.engine.applications.pause(name)
    await test.broker.say("house/2", "")
    await test.engine.applications.resume(name)
    await test.broker.say("house/3", "")
    assert.deepEqual(heard, ["house/1", "house/3"])
  })

  it("hears for an event that a later task waits for", async () => {
    const waits = app("other")
    Object.assign(waits.workflows.w.tasks, {
      late: { run: "sensor.note", after: "note.ok", wait: { service: "sensor", event: "seen" } },
    })
    await test.engine.applications.deploy(waits, {})
    await test.broker.say("house/1", "")
    assert.deepEqual(heard, ["house/1"])
  })
})
