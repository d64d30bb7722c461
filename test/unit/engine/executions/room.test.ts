import assert from "node:assert/strict"
import { EVENTS_WAITING_MAX, SERVICE_EVENTS_WAITING_MAX } from "../../../../agent/base/limits.ts"
import { Room } from "../../../../agent/engine/executions/room.ts"
import { bridgeMqtt, type MqttBridgeParts } from "../../../../agent/engine/services/mqtt-bridge.ts"
import { testEngine } from "../../../support/engine.ts"
import { FakeBroker } from "../../../support/fake-broker.ts"
import { KeptLog } from "../../../support/kept-log.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
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
    await assert.rejects(
      test.engine.services.call("work" as never, "do", {}, 0, new AbortController().signal),
      overloaded,
    )
    await test.engine.executions.cancel(executions[0]!)
    await test.settle()
    await test.engine.applications.run("app" as never, null, {})
    await assert.rejects(test.engine.executions.retry(executions[0]!), overloaded)
    await test.stop()
  })
})

describe("a store past the room for new executions", () => {
  it("still takes what ends an execution that waits, also where that makes a new one", async () => {
    const store = new MemoryStore({ quotaBytes: 10_000_000 })
    const test = await testEngine([{ manifest: WORK }], { store })
    const wait = { service: "work", event: "go", where: "data.k = trigger.data.k" }
    const tasks = { a: { run: "work.do" }, b: { run: "work.do", after: "a.ok", wait } }
    await test.engine.applications.deploy(workApplication("app", tasks), {})
    await test.engine.events.accept({ service: "work", event: "go", data: { k: 1 } })
    await test.settle()
    await store.write([{ put: TABLE.serviceStore, key: ["other", "large"], value: "x".repeat(9_000_000) }])
    let entered = false
    const creating = test.bridge("work").emit("go", { k: 2 })
    void creating.then(() => (entered = true))
    await test.settle()
    assert.equal(entered, false, "what only makes an execution waits")
    await test.bridge("work").emit("go", { k: 1 })
    await test.settle()
    const { completed, waiting } = test.engine.executions.counts()
    assert.deepEqual({ completed, waiting, entered }, { completed: 1, waiting: 1, entered: false })
    await test.stop()
  })
})

describe("events that wait for room", () => {
  const full = async () => {
    const test = await testEngine([{ manifest: WORK, execute: () => new Promise(() => {}) }], { maxActive: 1 })
    await test.engine.applications.deploy(workApplication("app", ONE_WAITS), {})
    await test.bridge("work").emit("go", {})
    return test
  }
  const overloaded = { code: "OVERLOADED" }

  it("are refused at once where who reports them has somebody who waits for an answer", async () => {
    const test = await full()
    await assert.rejects(test.bridge("work").emit("go", {}, undefined, { patient: false }), overloaded)
    await test.stop()
  })

  it("are so many of one service as the bound says, and others still may wait", async () => {
    const test = await full()
    const { emit } = test.bridge("work")
    for (let i = 0; i < SERVICE_EVENTS_WAITING_MAX; i++) void emit("go", {})
    await assert.rejects(emit("go", {}), overloaded)
    let acknowledged = false
    void test.broker.say("mesg/v1/work/event/go", {}).then(() => (acknowledged = true))
    await test.settle()
    assert.equal(acknowledged, false)
    await test.stop()
  })

  it("are so many altogether as the bound says: the next publisher is not acknowledged, and nothing is recorded", async () => {
    const room = new Room(() => false)
    for (let i = 0; i < EVENTS_WAITING_MAX; i++) assert.ok(room.enter() instanceof Promise)
    assert.throws(() => room.enter(), overloaded)
    const refused = await mqttEventRefusedWith(overloadedError(room))
    assert.deepEqual(refused, { acknowledged: false, kept: 0 })
  })
})

function overloadedError(room: Room): Error {
  try {
    void room.enter()
  } catch (error) {
    return error as Error
  }
  throw new Error("there is room")
}

/** What becomes of an MQTT message whose event the inbox refuses with this error. */
async function mqttEventRefusedWith(error: Error): Promise<{ acknowledged: boolean; kept: number }> {
  const broker = new FakeBroker()
  let kept = 0
  const inbox = {
    accept: () => Promise.reject(error),
    refuse: () => Promise.reject(error),
    keepRefused: async () => void kept++,
  }
  bridgeMqtt({ broker, inbox, log: new KeptLog() } as unknown as MqttBridgeParts)
  const acknowledged = await broker.say("mesg/v1/work/event/go", {}).then(
    () => true,
    () => false,
  )
  return { acknowledged, kept }
}

function counts(some: { running?: number; waiting?: number }) {
  return { running: 0, waiting: 0, completed: 0, failed: 0, cancelled: 0, ...some }
}
