import assert from "node:assert/strict"
import { OWNER, startBroker, stopBrokers, type TestBroker } from "../../../support/mqtt-broker.ts"
import { connectPacket, publishPacket, pubrel, WireClient } from "../../../support/mqtt-wire.ts"
import { until } from "../../../support/until.ts"

const ACK = [null, 4, 5] as const

describe("a reserved topic", () => {
  let test: TestBroker
  let tried: { topic: string; clientId: string; principal: string }[]
  let told: () => Promise<void>
  let end: () => void

  beforeEach(async () => {
    test = await startBroker()
    tried = []
    told = () => Promise.resolve()
    end = test.broker.reserve({
      filter: "own/#",
      except: ["own/+/free"],
      refused: (topic, { clientId, principal }) => {
        tried.push({ topic, clientId, principal: principal.name })
        return told()
      },
    })
  })
  afterEach(stopBrokers)
  const client = (options: Parameters<typeof WireClient.connected>[1] = {}) =>
    WireClient.connected(test.port, { clientId: "c", ...options })

  for (const qos of [0, 1, 2] as const)
    for (const retain of [false, true])
      it(`takes nothing from an owner of everything with QoS ${qos}${retain ? ", retained" : ""}`, async () => {
        const handled: string[] = []
        test.broker.subscribe("own/#", ({ topic }) => void handled.push(topic))
        const reader = await WireClient.connected(test.port)
        await reader.subscribe("own/#")
        const publisher = await client()
        publisher.send(publishPacket("own/a", "x", { qos, retain }), ...(qos === 2 ? [pubrel(1)] : []))
        if (qos > 0) assert.equal((await publisher.next()).type, ACK[qos])
        if (qos === 2) assert.equal((await publisher.next()).type, 7)
        publisher.send(publishPacket("own/a/free", "y", { qos: 0 }))
        assert.equal((await reader.nextPublish()).topic, "own/a/free")
        assert.deepEqual(handled, ["own/a/free"])
        assert.deepEqual(Array.from(test.broker.retained("own/#")), [])
        assert.deepEqual(tried, [{ topic: "own/a", clientId: "c", principal: OWNER.name }])
        assert.equal(test.recorder.counts.get("mesg_mqtt_publish_refused_total"), 1)
      })

  it("is acknowledged when the refusal was told, and not before", async () => {
    const telling = Promise.withResolvers<void>()
    told = () => telling.promise
    const publisher = await client()
    publisher.send(publishPacket("own/a", "x", { qos: 1 }))
    await until(() => tried.length === 1, 5000, "the refusal", 1)
    await publisher.quiet()
    telling.resolve()
    assert.equal((await publisher.next()).type, 4)
  })

  it("closes the connection where the refusal cannot be told", async () => {
    told = () => Promise.reject(new Error("the store is full"))
    const publisher = await client()
    publisher.send(publishPacket("own/a", "x", { qos: 1 }))
    await publisher.ended()
  })

  it("is open to the agent, and to everybody once the reservation ends", async () => {
    const reader = await WireClient.connected(test.port)
    await reader.subscribe("own/#")
    const publisher = await client()
    publisher.send(publishPacket("own/a", "refused", { qos: 0 }))
    await until(() => tried.length === 1, 5000, "the refusal", 1)
    await test.broker.publish({ topic: "own/a", payload: Buffer.from("agent"), qos: 0, retain: false })
    end()
    publisher.send(publishPacket("own/a", "client", { qos: 0 }))
    assert.deepEqual([(await reader.nextPublish()).payload, (await reader.nextPublish()).payload], ["agent", "client"])
  })

  it("is no topic of a will: refused at CONNECT, and later where it was reserved meanwhile", async () => {
    const stranger = await WireClient.open(test.port)
    stranger.send(connectPacket({ will: { topic: "own/a", payload: "x" } }))
    assert.equal((await stranger.next()).body[1], 5)
    end()
    const reader = await WireClient.connected(test.port)
    await reader.subscribe("own/#")
    const leaver = await client({ will: { topic: "own/a", payload: "x", retain: true } })
    test.broker.reserve({
      filter: "own/a",
      except: [],
      refused: async (topic, { clientId, principal }) => {
        tried.push({ topic, clientId, principal: principal.name })
      },
    })
    leaver.drop()
    await until(() => tried.length === 1, 5000, "the refusal", 1)
    await reader.quiet()
    assert.deepEqual(Array.from(test.broker.retained("own/#")), [])
  })
})

describe("a client without the right", () => {
  afterEach(stopBrokers)

  it("is named once in the log, and counted each time", async () => {
    const device = { name: "device", publish: ["mine/#"], subscribe: [] }
    const { port, recorder } = await startBroker({ authenticate: () => Promise.resolve(device) })
    const client = await WireClient.connected(port, { clientId: "c" })
    for (const topic of ["theirs/a", "theirs/b", "theirs/a"]) {
      client.send(publishPacket(topic, "x", { qos: 1 }))
      assert.equal((await client.next()).type, 4)
    }
    const named = recorder.lines.filter(({ message }) => message.includes("may not publish"))
    assert.deepEqual(
      named.map(({ fields }) => fields),
      [{ clientId: "c", topic: "theirs/a" }],
    )
    assert.equal(recorder.counts.get("mesg_mqtt_publish_refused_total"), 3)
  })
})
