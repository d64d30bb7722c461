import assert from "node:assert/strict"
import { join } from "node:path"
import {
  FAILURES_LOGGED_PER_S_MAX,
  MQTT_CONNECT_TIMEOUT_MS,
  MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX,
} from "../../../../agent/base/limits.ts"
import { BrokerError } from "../../../../agent/io/broker/error.ts"
import { StorePersistence } from "../../../../agent/io/broker/persistence.ts"
import { LmdbStore } from "../../../../agent/io/store/store.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { KeptLog } from "../../../support/kept-log.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { startBroker, stopBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import {
  connectPacket,
  puback,
  publishPacket,
  subscribePacket,
  WireClient,
  type Publish,
} from "../../../support/mqtt-wire.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("the broker's bounds", () => {
  afterEach(stopBrokers)

  async function leaveSubscribed(port: number, clientId: string, filter: string): Promise<void> {
    const client = await WireClient.connected(port, { clientId, clean: false })
    await client.subscribe(filter, 1)
    await client.leave()
  }

  it("keeps the oldest of a full offline queue, acknowledges all, and counts what did not fit", async () => {
    const { port, recorder } = await startBroker({ mqtt: { offlineMessages: 3 } })
    await leaveSubscribed(port, "away", "q")
    const publisher = await WireClient.connected(port)
    for (let i = 1; i <= 5; i++) publisher.send(publishPacket("q", String(i), { qos: 1, packetId: i }))
    for (let i = 1; i <= 5; i++) assert.equal((await publisher.next()).body[1], i)
    assert.equal(recorder.counts.get("mesg_mqtt_dropped_total full"), 2)
    const client = await WireClient.connected(port, { clientId: "away", clean: false })
    const got: Publish[] = [await client.nextPublish(), await client.nextPublish(), await client.nextPublish()]
    assert.deepEqual(
      got.map(({ payload }) => payload),
      ["1", "2", "3"],
    )
    await client.quiet()
    client.send(...got.map(({ packetId }) => puback(packetId)))
    await client.quiet()
    publisher.send(publishPacket("q", "6", { qos: 1, packetId: 6 }))
    assert.equal((await client.nextPublish()).payload, "6")
  })

  it("logs so many QoS 0 messages a second that could not be handled, says how many more, and counts all", async () => {
    const clock = new FakeClock()
    const { broker, port, recorder } = await startBroker({ clock })
    broker.subscribe("q", () => Promise.reject(new Error("no room")))
    const client = await WireClient.connected(port)
    const said = (message: string) => recorder.lines.filter((line) => line.message === message)
    const failed = () => said("a QoS 0 message could not be handled").length
    const counted = () => recorder.counts.get("mesg_mqtt_qos0_failed_total")
    for (let i = 0; i < 200; i++) client.send(publishPacket("q", "x"))
    await client.quiet()
    assert.deepEqual([failed(), counted()], [FAILURES_LOGGED_PER_S_MAX, 200])
    clock.advance(1000)
    client.send(publishPacket("q", "x"))
    await client.quiet()
    assert.deepEqual([failed(), counted()], [FAILURES_LOGGED_PER_S_MAX + 1, 201])
    const leftOut = () =>
      said("more QoS 0 messages could not be handled").reduce((sum, { fields }) => sum + Number(fields["count"]), 0)
    assert.equal(leftOut(), 200 - FAILURES_LOGGED_PER_S_MAX)
    for (let i = 0; i < 10; i++) client.send(publishPacket("q", "x"))
    await client.quiet()
    await stopBroker(broker)
    assert.deepEqual([failed(), counted()], [2 * FAILURES_LOGGED_PER_S_MAX, 211])
    assert.equal(leftOut(), 211 - failed(), "what is left is said at the stop")
  })

  it("bounds an offline queue by bytes too", async () => {
    const { port, recorder } = await startBroker({ mqtt: { offlineBytes: 2500 } })
    await leaveSubscribed(port, "away", "q")
    const publisher = await WireClient.connected(port)
    for (let i = 1; i <= 3; i++) publisher.send(publishPacket("q", "x".repeat(1000), { qos: 1, packetId: i }))
    for (let i = 1; i <= 3; i++) await publisher.next()
    assert.equal(recorder.counts.get("mesg_mqtt_dropped_total full"), 1)
  })

  it("removes what was acknowledged from the store", async () => {
    const { port, store, broker } = await startBroker()
    const client = await WireClient.connected(port, { clientId: "here", clean: false })
    await client.subscribe("q", 1)
    await broker.publish({ topic: "q", payload: Buffer.from("x"), qos: 1, retain: false })
    assert.equal(store.count(TABLE.mqttOutgoing), 1)
    client.send(puback((await client.nextPublish()).packetId))
    await client.quiet()
    await stopBroker(broker)
    assert.equal(store.count(TABLE.mqttOutgoing), 0)
  })

  it("grants as many subscriptions as the bound, and refuses the next", async () => {
    const { port } = await startBroker()
    const client = await WireClient.connected(port)
    const filters = Array.from({ length: MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX + 1 }, (_, i) => [`s/${i}`, 0] as const)
    client.send(subscribePacket(1, filters))
    const codes = Array.from((await client.next()).body.subarray(2))
    assert.deepEqual(
      [codes.length, codes.filter((code) => code === 0x80).length, codes.at(-1)],
      [MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX + 1, 1, 0x80],
    )
  })

  it("answers 3 to one client too many, and still lets a client id take over", async () => {
    const { port } = await startBroker({ mqtt: { maxConnections: 1 } })
    const first = await WireClient.connected(port, { clientId: "one" })
    const other = await WireClient.open(port)
    other.send(connectPacket({ clientId: "two" }))
    assert.equal((await other.next()).body[1], 3)
    await WireClient.connected(port, { clientId: "one" })
    await first.ended()
  })

  it("answers 3 when rights cannot be found out", async () => {
    const { port } = await startBroker({ authenticate: () => Promise.reject(new Error("no users file")) })
    const client = await WireClient.open(port)
    client.send(connectPacket())
    assert.equal((await client.next()).body[1], 3)
    await client.ended()
  })

  it("closes who has not been admitted in time, by the clock it is given", async () => {
    let elapsedMs = 0
    const clock = { now: () => 0, wall: () => 0, elapsed: () => elapsedMs, schedule: () => () => {} }
    const { port } = await startBroker({ clock, authenticate: () => new Promise(() => {}) })
    const silent = await WireClient.open(port)
    const waiting = await WireClient.open(port)
    waiting.send(connectPacket())
    elapsedMs = MQTT_CONNECT_TIMEOUT_MS
    await silent.ended()
    await waiting.ended()
  })

  it("refuses a message and a filter that are none, with a code", async () => {
    const { broker } = await startBroker()
    const message = { payload: new Uint8Array(), qos: 0, retain: false } as const
    await assert.rejects(broker.publish({ ...message, topic: "a/#" }), { code: "MQTT_BAD_MESSAGE" })
    assert.throws(() => broker.subscribe("a#", () => {}), BrokerError)
    const long = broker.publish({ ...message, topic: `${"a/".repeat(20_000)}b` })
    await assert.rejects(long, ({ message: text }: Error) => text.length < 200 && text.includes("…"))
  })

  it("says so when its port is taken", async () => {
    const { port } = await startBroker()
    await assert.rejects(startBroker({ mqtt: { port } }), {
      code: "MQTT_LISTEN_FAILED",
      remedy: /^stop what uses the port/,
    })
  })

  it("names the setting where the address is none of this machine", async () => {
    const refused = { code: "MQTT_LISTEN_FAILED", remedy: /^set `listen` to an address of this machine/ }
    await assert.rejects(startBroker({ listen: "192.0.2.1" }), refused)
  })
})

describe("what a restart finds", () => {
  afterEach(stopBrokers)

  it("publishes the wills of who was connected at a crash, once", async () => {
    const store = new MemoryStore()
    const first = await startBroker({ store })
    await WireClient.connected(first.port, { will: { topic: "w", payload: "gone", qos: 1, retain: true } })
    const crashed = store.crash()
    await stopBroker(first.broker)
    const seen: string[] = []
    const second = await startBroker({
      store: crashed,
      prepare: (broker) => void broker.subscribe("w", ({ payload }) => void seen.push(Buffer.from(payload).toString())),
    })
    assert.deepEqual(seen, ["gone"])
    assert.equal(crashed.count(TABLE.mqttWill), 0)
    await stopBroker(second.broker)
    const third = await startBroker({ store: crashed })
    assert.deepEqual(
      Array.from(third.broker.retained("w"), ({ payload }) => Buffer.from(payload).toString()),
      ["gone"],
    )
  })

  it("goes on with packet ids behind those that a client may still hold something of", async () => {
    const store = new MemoryStore()
    const first = await startBroker({ store })
    const before = await WireClient.connected(first.port, { clientId: "c", clean: false })
    await before.subscribe("q", 2)
    const publisher = await WireClient.connected(first.port)
    for (let packetId = 1; packetId <= 3; packetId++) {
      publisher.send(publishPacket("q", `${packetId}`, { qos: 1, packetId }))
      assert.equal((await publisher.next()).type, 4)
    }
    const held = [await before.nextPublish(), await before.nextPublish(), await before.nextPublish()]
    const crashed = store.crash()
    await stopBroker(first.broker)

    const second = await startBroker({ store: crashed })
    const after = await WireClient.connected(second.port, { clientId: "c", clean: false })
    for (const { packetId } of held) {
      assert.equal((await after.nextPublish()).packetId, packetId)
      after.send(puback(packetId))
    }
    const other = await WireClient.connected(second.port)
    other.send(publishPacket("q", "new", { qos: 1, packetId: 1 }))
    const { packetId } = await after.nextPublish()
    assert.ok(!held.some((publish) => publish.packetId === packetId), `${packetId} again`)
  })

  it("is on the device: sessions, queues, QoS 2 packets and retained messages, in the real store", async () => {
    const dir = join(tempDir("mqtt"), "data")
    const open = async () => {
      const store = new LmdbStore({ dir, quotaBytes: 64 * 2 ** 20, copies: 0, log: new KeptLog() })
      await store.start()
      return store
    }
    let store = await open()
    const first = await startBroker({ store })
    const client = await WireClient.connected(first.port, { clientId: "c", clean: false })
    await client.subscribe("q/#", 2)
    client.send(publishPacket("unreleased", "once", { qos: 2, packetId: 77 }))
    assert.equal((await client.next()).type, 5)
    await client.leave()
    for (const qos of [1, 2] as const)
      await first.broker.publish({ topic: `q/${qos}`, payload: Buffer.from("kept"), qos, retain: true })
    await stopBroker(first.broker)
    await store.stop()
    store = await open()
    const handled: string[] = []
    const second = await startBroker({
      store,
      prepare: (broker) => void broker.subscribe("unreleased", ({ topic }) => void handled.push(topic)),
    })
    const again = await WireClient.connected(second.port, { clientId: "c", clean: false })
    assert.equal(again.sessionPresent, true)
    const got = [await again.nextPublish(), await again.nextPublish()]
    assert.deepEqual(
      got.map(({ topic, payload, qos, dup }) => [topic, payload, qos, dup]),
      [
        ["q/1", "kept", 1, false],
        ["q/2", "kept", 2, false],
      ],
    )
    again.send(publishPacket("unreleased", "once", { qos: 2, packetId: 77, dup: true }))
    assert.equal((await again.next()).type, 5)
    assert.deepEqual(handled, [])
    assert.equal(Array.from(second.broker.retained("q/+")).length, 2)
    await stopBroker(second.broker)
    await store.stop()
  })

  it("resumes a session that was written through the interface aedes knows", async () => {
    const store = new MemoryStore()
    let seq = 0
    const persistence = new StorePersistence(store, () => ++seq)
    await persistence.addSubscriptions({ id: "old" }, [{ topic: "t", qos: 1 }])
    const packet = { cmd: "publish", topic: "t", payload: Buffer.from("kept"), qos: 1, retain: false, brokerId: "b" }
    await persistence.outgoingEnqueue({ clientId: "old" }, { ...packet, brokerCounter: 1 })
    await persistence.outgoingUpdate({ id: "old" }, { ...packet, brokerCounter: 1, messageId: 5 })
    const { port } = await startBroker({ store })
    const client = await WireClient.connected(port, { clientId: "old", clean: false })
    assert.equal(client.sessionPresent, true)
    const { payload, packetId } = await client.nextPublish()
    assert.deepEqual([payload, packetId], ["kept", 5])
  })
})
