import assert from "node:assert/strict"
import type { IncomingMessage } from "../../../../agent/ports/broker.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { startBroker, stopBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import { publishPacket, pubrel, subscribePacket, WireClient } from "../../../support/mqtt-wire.ts"

describe("a message is the agent's before it is acknowledged", () => {
  afterEach(stopBrokers)

  it("withholds PUBACK until the handler's promise resolves, and keeps the order of acknowledgements", async () => {
    const gates = new Map<string, PromiseWithResolvers<void>>()
    const { broker, port } = await startBroker()
    const seen: string[] = []
    const both = Promise.withResolvers<void>()
    broker.subscribe("a/#", ({ topic }) => {
      const gate = Promise.withResolvers<void>()
      gates.set(topic, gate)
      seen.push(topic)
      if (seen.length === 2) both.resolve()
      return gate.promise
    })
    const client = await WireClient.connected(port)
    client.send(publishPacket("a/1", "x", { qos: 1, packetId: 1 }), publishPacket("a/2", "y", { qos: 1, packetId: 2 }))
    await both.promise
    gates.get("a/2")!.resolve()
    await client.quiet()
    gates.get("a/1")!.resolve()
    assert.deepEqual(await client.next(), { type: 4, flags: 0, body: Buffer.from([0, 1]) })
    assert.deepEqual(await client.next(), { type: 4, flags: 0, body: Buffer.from([0, 2]) })
  })

  it("gives a retained message to who subscribes while it is being accepted", async () => {
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const { broker, port } = await startBroker()
    broker.subscribe("a", () => {
      begun.resolve()
      return gate.promise
    })
    const publisher = await WireClient.connected(port)
    publisher.send(publishPacket("a", "x", { qos: 1, packetId: 1, retain: true }))
    await begun.promise
    const newcomer = await WireClient.connected(port)
    await newcomer.subscribe("a", 0)
    gate.resolve()
    assert.equal((await publisher.next()).type, 4)
    assert.equal((await newcomer.next()).type, 3)
    await newcomer.quiet()
  })

  it("closes without an acknowledgement when a handler rejects, and delivers the message to nobody", async () => {
    const { broker, port, recorder } = await startBroker()
    broker.subscribe("a", () => Promise.reject(new Error("disk full")))
    const other = await WireClient.connected(port)
    await other.subscribe("a", 1)
    const client = await WireClient.connected(port)
    client.send(publishPacket("a", "x", { qos: 1 }))
    await client.ended()
    await other.quiet()
    assert.ok(recorder.lines.some(({ message }) => message === "an MQTT message was not accepted"))
  })

  it("gives QoS 2 handlers the record of (client, packet id), and writes it if nobody took it", async () => {
    const { broker, port, store } = await startBroker()
    const taken: unknown[] = []
    broker.subscribe("taken", (message) => void taken.push(...message.takeChanges()))
    broker.subscribe("left", () => {})
    const client = await WireClient.connected(port, { clientId: "c", clean: false })
    client.send(publishPacket("taken", "x", { qos: 2, packetId: 7 }))
    assert.equal((await client.next()).type, 5)
    assert.deepEqual(taken, [{ put: TABLE.mqttIncoming, key: ["c", 7], value: { v: 1, messageId: 7 } }])
    assert.equal(store.get(TABLE.mqttIncoming, ["c", 7]), undefined, "who took the record writes it")
    client.send(publishPacket("left", "x", { qos: 2, packetId: 8 }))
    assert.equal((await client.next()).type, 5)
    assert.deepEqual(store.get(TABLE.mqttIncoming, ["c", 8]), { v: 1, messageId: 8 })
    client.send(pubrel(8))
    assert.equal((await client.next()).type, 7)
    assert.equal(store.get(TABLE.mqttIncoming, ["c", 8]), undefined, "freed at PUBREL")
  })

  it("calls handlers once for a repeated QoS 2 packet, over a crash too", async () => {
    const store = new MemoryStore()
    const seen: string[] = []
    const handler = ({ payload }: IncomingMessage) => void seen.push(Buffer.from(payload).toString())
    const prepare = (broker: { subscribe(filter: string, handle: typeof handler): () => void }) => {
      broker.subscribe("t", handler)
    }
    const first = await startBroker({ store, prepare })
    const client = await WireClient.connected(first.port, { clientId: "c", clean: false })
    client.send(publishPacket("t", "once", { qos: 2, packetId: 9 }))
    assert.equal((await client.next()).type, 5)
    client.send(publishPacket("t", "once", { qos: 2, packetId: 9, dup: true }))
    assert.equal((await client.next()).type, 5)
    const copy = store.crash()
    client.drop()
    await stopBroker(first.broker)
    const second = await startBroker({ store: copy, prepare })
    const again = await WireClient.connected(second.port, { clientId: "c", clean: false })
    assert.equal(again.sessionPresent, true)
    again.send(publishPacket("t", "once", { qos: 2, packetId: 9, dup: true }), pubrel(9))
    assert.equal((await again.next()).type, 5)
    assert.equal((await again.next()).type, 7)
    again.send(publishPacket("t", "next", { qos: 2, packetId: 9 }))
    assert.equal((await again.next()).type, 5)
    assert.deepEqual(seen, ["once", "next"])
  })

  it("has queued and retained messages on the device before PUBACK", async () => {
    const store = new MemoryStore()
    const { port } = await startBroker({ store })
    const away = await WireClient.connected(port, { clientId: "away", clean: false })
    away.send(subscribePacket(1, [["q", 1]]))
    assert.equal((await away.next()).type, 9)
    await away.leave()
    const client = await WireClient.connected(port)
    store.hold()
    client.send(publishPacket("q", "kept", { qos: 1, packetId: 1, retain: true }))
    await client.quiet()
    store.release()
    assert.equal((await client.next()).type, 4)
    const [queued] = store.range(TABLE.mqttOutgoing, { prefix: ["away"] })
    assert.equal(Buffer.from((queued!.value as { payload: Uint8Array }).payload).toString(), "kept")
    assert.ok(store.get(TABLE.mqttRetained, ["q"]))
  })

  it("stops reading publishers while held, and loses nothing", async () => {
    const { broker, port } = await startBroker()
    const seen: string[] = []
    broker.subscribe("h", ({ payload }) => void seen.push(Buffer.from(payload).toString()))
    const client = await WireClient.connected(port)
    const reader = await WireClient.connected(port)
    await reader.subscribe("h", 0)
    broker.hold(true)
    client.send(publishPacket("h", "1", { qos: 1, packetId: 1 }), publishPacket("h", "2", { qos: 1, packetId: 2 }))
    await reader.quiet()
    assert.deepEqual(seen, [])
    broker.hold(false)
    assert.deepEqual([(await client.next()).body[1], (await client.next()).body[1]], [1, 2])
    assert.deepEqual(seen, ["1", "2"])
  })
})
