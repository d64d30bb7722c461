import assert from "node:assert/strict"
import type { TaskCall } from "../../../../agent/ports/service-host.ts"
import type { ExecutionView } from "../../../../agent/schema/execution.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { testEngine } from "../../../support/engine.ts"

const SECRET = "0123456789abcdef"
const ANY = { data: { type: "object" } } as const
const PUMP = {
  id: "pump",
  name: "Pump",
  version: "1.0.0",
  events: { pressed: ANY },
  tasks: { turn: { statuses: { turned: ANY }, effect: "idempotent" } },
} as const
const APP = {
  name: "pumping",
  config: { key: { type: "string", secret: true }, place: { type: "string", default: "cellar" } },
  workflows: {
    w: {
      trigger: { service: "pump", event: "pressed" },
      tasks: { turn: { run: "pump.turn", with: { key: "{{ config.key }}", from: "{{ trigger.data }}" } } },
    },
  },
}
const press = { service: "pump", event: "pressed", data: {} }

/** A pump that runs here and keeps what it was called with. */
function pump() {
  const calls: Json[] = []
  const execute = ({ inputs }: TaskCall) => {
    calls.push(inputs)
    return { kind: "result", status: "turned", data: {} } as const
  }
  return { calls, service: { manifest: PUMP, execute } }
}

describe("a secret setting of an application", () => {
  it("is put only where the application says, whatever an event brings", async () => {
    const { calls, service } = pump()
    const test = await testEngine([service])
    await test.engine.applications.deploy(APP, { key: SECRET })
    const data = { key: "(secret)", again: "{{ config.key }}" }
    await test.engine.events.accept({ ...press, data })
    await test.settle()
    assert.deepEqual(calls, [{ key: SECRET, from: data }])
    await test.stop()
  })

  it("is sealed at the first start after an agent that kept it in clear, and its default is gone", async () => {
    const store = new MemoryStore()
    const first = await testEngine([pump().service], { store })
    await first.engine.applications.deploy(APP, { key: SECRET })
    await first.stop()
    const record = store.get("appv", ["pumping", 1]) as { config: object; document: { config: object } }
    const document = { ...record.document, config: { ...APP.config, key: { ...APP.config.key, default: SECRET } } }
    const config = { key: SECRET, place: "cellar" }
    await store.write([{ put: "appv", key: ["pumping", 1], value: { ...record, config, document } }])

    const { calls, service } = pump()
    const again = await testEngine([service], { store })
    assert.doesNotMatch(JSON.stringify(store.get("appv", ["pumping", 1])), new RegExp(SECRET))
    await again.engine.events.accept(press)
    await again.settle()
    assert.deepEqual(calls, [{ key: SECRET, from: {} }])
    await again.stop()
  })

  it("is refused for a task of a service behind MQTT", async () => {
    const test = await testEngine([])
    await test.broker.say("mesg/v1/pump/manifest", PUMP, { retain: true })
    await assert.rejects(test.engine.applications.deploy(APP, { key: SECRET }), (error: { detail: object }) => {
      const { refusals } = error.detail as { refusals: readonly { rule: string; path: string }[] }
      assert.deepEqual(
        refusals.map(({ rule, path }) => [rule, path]),
        [["SECRET", "/workflows/w/tasks/turn/run"]],
      )
      return true
    })
    await test.stop()
  })

  it("is not sent to a service that moved behind MQTT since: the task ends in error SECRET_NOT_SENT", async () => {
    const store = new MemoryStore()
    const here = await testEngine([pump().service], { store })
    await here.engine.applications.deploy(APP, { key: SECRET })
    await here.stop()
    const test = await testEngine([], { store })
    await test.broker.say("mesg/v1/pump/manifest", PUMP, { retain: true })
    const { executions } = await test.engine.events.accept(press)
    await test.settle()
    const { tasks }: ExecutionView = test.engine.executions.show(executions[0]!)
    assert.equal((tasks["turn"]!.data as { code: string }).code, "SECRET_NOT_SENT")
    const sent = test.broker.published.map(({ topic, payload }) => `${topic} ${Buffer.from(payload).toString()}`)
    assert.ok(!sent.some((text) => text.includes(SECRET) || text.includes("/task/")), sent.join("\n"))
    await test.stop()
  })
})
