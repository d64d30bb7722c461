import assert from "node:assert/strict"
import { MemoryStore } from "../../../support/memory-store.ts"
import { testEngine } from "../../../support/engine.ts"

const ANY = { data: { type: "object" } } as const
const PUMP = {
  id: "pump",
  name: "Pump",
  version: "1.0.0",
  events: { pressed: ANY },
  tasks: { turn: { statuses: { turned: ANY }, effect: "idempotent" } },
}
const ONE = { turn: { run: "pump.turn" } }
const TWO = { ...ONE, again: { run: "pump.turn", after: "turn.turned" } }
const RESULT = { status: "turned", data: {} }

/** An execution whose first task runs at a service behind MQTT. @returns where that answers */
async function running(tasks: object) {
  const store = new MemoryStore()
  const test = await testEngine([], { store })
  await test.broker.say("mesg/v1/pump/manifest", PUMP, { retain: true })
  const workflows = { w: { trigger: { service: "pump", event: "pressed" }, tasks } }
  await test.engine.applications.deploy({ name: "pumping", workflows }, {})
  const { executions } = await test.engine.events.accept({ service: "pump", event: "pressed", data: {} })
  await test.settle()
  return { ...test, store, topic: `mesg/v1/pump/result/${executions[0]!}.turn` }
}

describe("a result that comes again", () => {
  for (const { name, tasks } of [
    { name: "for an execution that goes on", tasks: TWO },
    { name: "for an execution that it ended", tasks: ONE },
  ]) {
    it(`${name} is acknowledged only once the first one is durable`, async () => {
      const { broker, store, topic, settle, stop } = await running(tasks)
      store.hold()
      const acknowledged: string[] = []
      const first = broker.say(topic, RESULT).then(() => acknowledged.push("first"))
      await settle()
      const repeat = broker.say(topic, RESULT).then(() => acknowledged.push("repeat"))
      await settle()
      assert.deepEqual(acknowledged, [])
      store.release()
      await Promise.all([first, repeat])
      assert.deepEqual(acknowledged.sort(), ["first", "repeat"])
      await stop()
    })
  }
})

describe("a result that holds what no value carries", () => {
  it("ends its task in error, by the name of where that is", async () => {
    const { broker, engine, topic, settle, stop } = await running(ONE)
    await broker.say(topic, '{"status":"turned","data":{"litres":1e400}}')
    await settle()
    const [execution] = engine.executions.list({}).items
    const { status, data } = execution!.tasks["turn"]!
    assert.equal(status, "error")
    assert.deepEqual(data, {
      code: "RESULT_INVALID",
      message: "the answer cannot be taken as it is: /data/litres is a number that JSON carries and a double does not",
    })
    await stop()
  })
})
