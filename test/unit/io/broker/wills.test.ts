import assert from "node:assert/strict"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { startBroker, stopBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import { publishPacket, WireClient } from "../../../support/mqtt-wire.ts"
import { until } from "../../../support/until.ts"

/** A broker whose agent listens to wills; `seen` is what it has got. */
async function listening(store = new MemoryStore(), holding = false) {
  const seen: string[] = []
  const broker = await startBroker({
    store,
    prepare: (opened) => {
      opened.subscribe("will/#", ({ payload }) => void seen.push(Buffer.from(payload).toString()))
      opened.hold(holding)
    },
  })
  const leave = async (clientId: string, payload: string) => {
    const will = { topic: `will/${clientId}`, payload, qos: 1 } as const
    const client = await WireClient.connected(broker.port, { clientId, will })
    client.drop()
    await until(
      () => broker.broker.clients().every((each) => each.clientId !== clientId),
      5000,
      `the end of ${clientId}`,
      1,
    )
  }
  return { ...broker, store, seen, leave }
}

describe("wills while publishers are held", () => {
  afterEach(stopBrokers)

  it("wait, and are published in the order of their connections' ends when publishers go on", async () => {
    const { broker, store, seen, leave } = await listening()
    broker.hold(true)
    await leave("b", "first")
    await leave("a", "second")
    await leave("b", "third, of a client that was back")
    assert.deepEqual(seen, [])
    broker.hold(false)
    await until(() => store.count(TABLE.mqttWill) === 0, 5000, "the end of the last will", 1)
    assert.deepEqual(seen, ["first", "second", "third, of a client that was back"])
  })

  it("are not lost by a stop: the next start publishes them, once", async () => {
    const first = await listening()
    first.broker.hold(true)
    await leaveBoth(first.leave)
    await stopBroker(first.broker)
    assert.deepEqual(first.seen, [])
    const second = await listening(first.store)
    await until(() => second.store.count(TABLE.mqttWill) === 0, 5000, "the end of the last will", 1)
    assert.deepEqual(second.seen.sort(), ["before the stop", "of one that was back"])
  })

  it("do not keep a start waiting: clients come in while what a will began waits for room", async () => {
    const first = await listening()
    first.broker.hold(true)
    await leaveBoth(first.leave)
    await stopBroker(first.broker)
    const room = Promise.withResolvers<void>()
    const { broker, port } = await startBroker({
      store: first.store,
      prepare: (opened) => void opened.subscribe("will/#", () => room.promise),
    })
    const client = await WireClient.connected(port, { clientId: "new" })
    assert.equal(first.store.count(TABLE.mqttWill), 2)
    client.drop()
    room.resolve()
    await until(() => first.store.count(TABLE.mqttWill) === 0, 5000, "the end of the last will", 1)
    await stopBroker(broker)
  })

  it("wait through a start that holds too", async () => {
    const first = await listening()
    first.broker.hold(true)
    await leaveBoth(first.leave)
    await stopBroker(first.broker)
    const safe = await listening(first.store, true)
    await safe.leave("c", "in safe mode")
    await stopBroker(safe.broker)
    assert.deepEqual(safe.seen, [])
    const third = await listening(first.store)
    await until(() => first.store.count(TABLE.mqttWill) === 0, 5000, "the end of the last will", 1)
    assert.deepEqual(third.seen.sort(), ["before the stop", "in safe mode", "of one that was back"])
  })

  const leaveBoth = async (leave: (clientId: string, payload: string) => Promise<void>) => {
    await leave("a", "before the stop")
    await leave("a", "of one that was back")
  }
})

describe("a will", () => {
  afterEach(stopBrokers)

  it("comes after what its client published before, however long that takes", async () => {
    const { broker, port } = await startBroker()
    const taken = Promise.withResolvers<void>()
    const stored = Promise.withResolvers<void>()
    broker.subscribe("said", () => {
      taken.resolve()
      return stored.promise
    })
    const other = await WireClient.connected(port)
    await other.subscribe("#", 1)
    const client = await WireClient.connected(port, { clientId: "c", will: { topic: "will", payload: "gone", qos: 1 } })
    client.send(publishPacket("said", "last words", { qos: 1, packetId: 1 }))
    await taken.promise
    client.drop()
    await until(() => broker.clients().every(({ clientId }) => clientId !== "c"), 5000, "the end of c", 1)
    await other.quiet()
    stored.resolve()
    assert.deepEqual([(await other.nextPublish()).topic, (await other.nextPublish()).topic], ["said", "will"])
  })

  it("that could not be published stays for the next start", async () => {
    const store = new MemoryStore()
    const first = await startBroker({ store })
    first.broker.subscribe("will", () => Promise.reject(new Error("the disk is full")))
    const client = await WireClient.connected(first.port, { will: { topic: "will", payload: "gone", qos: 1 } })
    client.drop()
    const told = () => first.recorder.lines.some(({ message }) => message === "a will could not be published")
    await until(told, 5000, "the log line", 1)
    await stopBroker(first.broker)
    const second = await listening(store)
    assert.deepEqual(second.seen, ["gone"])
  })

  it("is gone from the store when its client said goodbye", async () => {
    const { broker, port, store, seen } = await listening()
    const client = await WireClient.connected(port, { will: { topic: "will/a", payload: "gone", qos: 1 } })
    assert.equal(store.count(TABLE.mqttWill), 1)
    await client.leave()
    await until(() => store.count(TABLE.mqttWill) === 0 && broker.clients().length === 0, 5000, "the goodbye", 1)
    assert.deepEqual(seen, [])
  })
})
