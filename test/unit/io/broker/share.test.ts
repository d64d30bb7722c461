import assert from "node:assert/strict"
import {
  MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX,
  MQTT_RETAINED_MESSAGES_PER_PRINCIPAL_MAX,
  MQTT_SESSIONS_PER_PRINCIPAL_MAX,
} from "../../../../agent/base/limits.ts"
import type { Authenticate } from "../../../../agent/ports/broker.ts"
import type { Change } from "../../../../agent/ports/store.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { OWNER, startBroker, stopBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import { connectPacket, publishPacket, WireClient } from "../../../support/mqtt-wire.ts"

/** Client `a-1` is of principal `a`. */
const byClientId: Authenticate = async ({ clientId }) => {
  return { name: clientId.split("-")[0]!, publish: ["t/#"], subscribe: ["t/#"] }
}

/** @param put what is kept under the i-th name, in the order of a store */
async function storeWith(count: number, put: (name: string) => Change): Promise<MemoryStore> {
  const store = new MemoryStore()
  await store.write(Array.from({ length: count }, (_, i) => put(String(i).padStart(6, "0"))))
  return store
}

/** The return code of CONNACK. */
async function comes(port: number, clientId: string, clean = false): Promise<number> {
  const client = await WireClient.open(port)
  client.send(connectPacket({ clientId, clean }))
  const code = (await client.next()).body[1]!
  if (code === 0) await client.leave()
  return code
}

describe("of what all MQTT clients share, one principal has its share, also over a restart", function () {
  this.timeout(60_000)
  afterEach(stopBrokers)

  it("of connections: it gets no more, others do, and the owner as long as there is one", async () => {
    const withOwner: Authenticate = async (credentials) =>
      credentials.clientId.startsWith("o-") ? OWNER : byClientId(credentials)
    const { port } = await startBroker({ authenticate: withOwner, mqtt: { maxConnections: 8 } })
    const connected = (clientId: string) => WireClient.connected(port, { clientId })
    const [first] = await Promise.all(Array.from({ length: 6 }, (_, i) => connected(`a-${i}`)))
    assert.equal(await comes(port, "a-more", true), 3)
    await connected("a-1")
    assert.equal(await comes(port, "a-more", true), 3, "who takes over its own client id frees nothing")
    assert.equal(await comes(port, "b-1", true), 0)
    await first!.leave()
    assert.equal(await comes(port, "a-more", true), 0, "one went")
    await Promise.all(["o-1", "o-2", "o-3"].map(connected))
    assert.deepEqual([await comes(port, "o-4", true), await comes(port, "b-1", true)], [3, 3])
  })

  it("of sessions: it opens no more, still has those it has, and others open theirs", async () => {
    const store = await storeWith(MQTT_SESSIONS_PER_PRINCIPAL_MAX - 1, (name) => {
      return { put: TABLE.mqttSession, key: [`a-${name}`], value: { v: 1, sentSeq: 0, owner: "a" } }
    })
    const { broker, port, recorder } = await startBroker({ store, authenticate: byClientId })
    assert.deepEqual(
      [await comes(port, "a-last"), await comes(port, "a-more"), await comes(port, "a-000007")],
      [0, 3, 0],
    )
    assert.equal(await comes(port, "a-passing", true), 3)
    assert.equal(await comes(port, "b-1"), 0)
    const said = recorder.lines.filter(({ message }) => /too many sessions/.test(message))
    assert.deepEqual(
      said.map(({ level, fields }) => [level, fields["principal"]]),
      [["warn", "a"]],
      "named once",
    )
    await stopBroker(broker)
    const again = await startBroker({ store, authenticate: byClientId })
    assert.deepEqual([await comes(again.port, "a-more"), await comes(again.port, "b-2")], [3, 0])
    assert.equal(await comes(again.port, "a-000007", true), 0)
    assert.equal(await comes(again.port, "a-more"), 0, "one went")
  })

  it("of sessions: one that another has taken over is the other's", async () => {
    const store = await storeWith(MQTT_SESSIONS_PER_PRINCIPAL_MAX, (name) => {
      return { put: TABLE.mqttSession, key: [`b-${name}`], value: { v: 1, sentSeq: 0, owner: "a" } }
    })
    const { broker, port } = await startBroker({ store, authenticate: byClientId })
    assert.deepEqual(
      [await comes(port, "a-more"), await comes(port, "b-000000"), await comes(port, "a-more")],
      [3, 0, 0],
    )
    await stopBroker(broker)
    const again = await startBroker({ store, authenticate: byClientId })
    assert.deepEqual([await comes(again.port, "a-again"), await comes(again.port, "b-000001")], [3, 0])
  })

  it("of retained messages: it keeps no more, may replace its own, and others keep theirs", async () => {
    const retained = (name: string) => ({ v: 1, topic: `t/${name}`, payload: Uint8Array.of(1), qos: 0, owner: "a" })
    const store = await storeWith(MQTT_RETAINED_MESSAGES_PER_PRINCIPAL_MAX, (name) => {
      return { put: TABLE.mqttRetained, key: [`t/${name}`], value: retained(name) }
    })
    const { port, recorder } = await startBroker({ store, authenticate: byClientId })
    const [a, b] = await Promise.all(["a-1", "b-1"].map((clientId) => WireClient.connected(port, { clientId })))
    const keep = async (client: WireClient, topic: string) => {
      client.send(publishPacket(topic, "y", { qos: 1, retain: true, packetId: 1 }))
      assert.equal((await client.next()).type, 4)
      const record = store.get(TABLE.mqttRetained, [topic]) as { owner: string; payload: Uint8Array } | undefined
      return record === undefined ? null : `${record.owner} ${Buffer.from(record.payload).toString()}`
    }
    assert.deepEqual(
      [await keep(a!, "t/new"), await keep(a!, "t/000000"), await keep(b!, "t/new")],
      [null, "a y", "b y"],
    )
    assert.equal(recorder.counts.get("mesg_mqtt_dropped_total retained-full"), 1)
    assert.deepEqual([await keep(b!, "t/000000"), await keep(a!, "t/more")], ["b y", "a y"], "one is the other's now")
  })

  it("of queued bytes: what does not fit is not queued for it, and others' queues go on", async () => {
    const { port, recorder } = await startBroker({ authenticate: byClientId })
    const message = "x".repeat(250 * 1024)
    const away = async (clientId: string, filter: string) => {
      const client = await WireClient.connected(port, { clientId, clean: false })
      await client.subscribe(filter, 1)
      await client.leave()
    }
    // Each may have 16 MiB: ten are more than what all share.
    for (let i = 0; i < 10; i++) await away(`a-${i}`, "t/flood")
    await away("b-1", "t/other")
    const publisher = await WireClient.connected(port, { clientId: "c-1" })
    const publish = async (topic: string, payload: string) => {
      publisher.send(publishPacket(topic, payload, { qos: 1, packetId: 1 }))
      assert.equal((await publisher.next()).type, 4)
    }
    for (let i = 0; i < 64; i++) await publish("t/flood", message)
    const queued = recorder.value("mesg_mqtt_queued_bytes")!
    assert.ok(queued > MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX, "the bound was reached")
    assert.ok(queued < MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX + message.length + 100, `${queued} bytes are queued`)
    await publish("t/other", "for b")
    const other = await WireClient.connected(port, { clientId: "b-1", clean: false })
    assert.equal((await other.nextPublish()).payload, "for b")
  })
})
