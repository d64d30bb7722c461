import assert from "node:assert/strict"
import type { Authenticate, Principal } from "../../../../agent/ports/broker.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { OWNER, startBroker, stopBroker, stopBrokers } from "../../../support/mqtt-broker.ts"
import { connectPacket, publishPacket, pubrel, subscribePacket, WireClient } from "../../../support/mqtt-wire.ts"

/** Every topic here is either `mine/…`, which the principal has, or `theirs/…`, which it has not. */
const FULL: Principal = { name: "device", publish: ["mine/#", "theirs/#"], subscribe: ["mine/#", "theirs/#"] }
const OWN: Principal = { name: "device", publish: ["mine/#"], subscribe: ["mine/#"] }

let rights: Principal | null = OWN
const authenticate: Authenticate = ({ username }) => Promise.resolve(username === "device" ? rights : OWNER)

describe("rights hold on every way a message can take", () => {
  let port: number
  let broker: Awaited<ReturnType<typeof startBroker>>["broker"]

  const device = (options: Parameters<typeof WireClient.connected>[1] = {}) =>
    WireClient.connected(port, { username: "device", ...options })
  const owner = () => WireClient.connected(port)
  const ownerPublishes = async (topic: string, payload: string, retain = false) => {
    const client = await owner()
    client.send(publishPacket(topic, payload, { qos: 1, retain }))
    assert.equal((await client.next()).type, 4)
    await client.leave()
  }

  beforeEach(async () => {
    rights = OWN
    const started = await startBroker({ authenticate })
    port = started.port
    broker = started.broker
  })
  afterEach(stopBrokers)

  for (const qos of [0, 1, 2])
    for (const retain of [false, true])
      it(`publish with QoS ${qos}${retain ? ", retained" : ""}: nobody gets it, nothing is kept`, async () => {
        const handled: string[] = []
        broker.subscribe("#", ({ topic }) => void handled.push(topic))
        const reader = await owner()
        await reader.subscribe("#")
        const client = await device()
        client.send(publishPacket("theirs/a", "x", { qos, retain }), ...(qos === 2 ? [pubrel(1)] : []))
        for (let i = 0; i < qos; i++) await client.next()
        await client.quiet()
        await reader.quiet()
        assert.deepEqual(handled, [])
        assert.deepEqual(Array.from(broker.retained("theirs/#")), [])
        client.send(publishPacket("mine/a", "x"))
        assert.equal((await reader.nextPublish()).topic, "mine/a")
      })

  for (const filter of ["theirs/a", "theirs/#", "#", "+/a", "+/+", "$SYS/#", "/theirs", "+/#"])
    it(`subscribe ${filter}: refused with 0x80, and nothing comes`, async () => {
      const client = await device()
      assert.equal(await client.subscribe(filter, 1), 0x80)
      await ownerPublishes("theirs/a", "secret", true)
      await client.quiet()
    })

  for (const filter of ["mine/a", "mine/#", "mine/+/b", "mine", "mine/../theirs"])
    it(`subscribe ${filter}: granted`, async () => assert.equal(await (await device()).subscribe(filter, 1), 1))

  it("nobody publishes to $SYS, not even an owner of everything", async () => {
    const reader = await owner()
    await reader.subscribe("$SYS/fake", 1)
    rights = { ...OWN, publish: ["#", "$SYS/#"] }
    const client = await device()
    client.send(publishPacket("$SYS/fake", "x", { qos: 1 }))
    assert.equal((await client.next()).type, 4)
    await reader.quiet()
  })

  it("a will without right is refused at CONNECT", async () => {
    const client = await WireClient.open(port)
    client.send(connectPacket({ username: "device", will: { topic: "theirs/a", payload: "x" } }))
    assert.equal((await client.next()).body[1], 5)
    await client.ended()
  })

  it("a will whose right ended is not published when the client goes", async () => {
    rights = FULL
    const reader = await owner()
    await reader.subscribe("theirs/#")
    const client = await device({ will: { topic: "theirs/a", payload: "x" } })
    rights = OWN
    await broker.recheck("device")
    client.drop()
    await ownerPublishes("theirs/marker", "m")
    assert.equal((await reader.nextPublish()).payload, "m")
    await reader.quiet()
  })

  it("a revoked client is cut off, and its will with it", async () => {
    rights = FULL
    const reader = await owner()
    await reader.subscribe("#")
    const client = await device({ will: { topic: "theirs/a", payload: "x" } })
    rights = null
    await broker.recheck("device")
    await client.ended()
    await ownerPublishes("theirs/marker", "m")
    assert.equal((await reader.nextPublish()).payload, "m")
    await reader.quiet()
    const again = await WireClient.open(port)
    again.send(connectPacket({ username: "device" }))
    assert.equal((await again.next()).body[1], 5)
  })

  it("live delivery ends where rights shrink, and goes on where they do not", async () => {
    rights = FULL
    const client = await device()
    client.send(
      subscribePacket(1, [
        ["mine/#", 1],
        ["theirs/#", 1],
      ]),
    )
    assert.equal((await client.next()).type, 9)
    await ownerPublishes("theirs/a", "before")
    assert.equal((await client.nextPublish()).payload, "before")
    rights = OWN
    await broker.recheck("device")
    await ownerPublishes("theirs/a", "after")
    await ownerPublishes("mine/a", "own")
    assert.equal((await client.nextPublish()).payload, "own")
    await client.quiet()
    client.send(publishPacket("theirs/b", "x", { qos: 1, packetId: 9 }))
    await client.next()
    assert.deepEqual(Array.from(broker.retained("theirs/#")), [])
  })

  it("queued messages are checked when the client comes back, on disk and in memory", async () => {
    const store = new MemoryStore()
    const first = await startBroker({ store, authenticate })
    port = first.port
    rights = FULL
    const client = await device({ clientId: "q", clean: false })
    client.send(
      subscribePacket(1, [
        ["mine/#", 1],
        ["theirs/#", 1],
      ]),
    )
    await client.next()
    await client.leave()
    await ownerPublishes("theirs/a", "secret")
    await ownerPublishes("mine/a", "own")
    rights = OWN
    const again = await device({ clientId: "q", clean: false })
    assert.equal((await again.nextPublish()).payload, "own")
    await again.quiet()
    again.drop()
    await stopBroker(first.broker)
    rights = FULL
    port = (await startBroker({ store: store.crash(), authenticate })).port
    const last = await device({ clientId: "q", clean: false })
    assert.equal((await last.nextPublish()).payload, "own")
    await last.quiet()
    await ownerPublishes("theirs/a", "secret")
    await last.quiet()
  })

  it("retained messages are checked one by one", async () => {
    await ownerPublishes("mine/kept", "own", true)
    await ownerPublishes("theirs/kept", "secret", true)
    rights = { ...OWN, subscribe: ["+/kept", "mine/#"] }
    const wide = await device()
    assert.equal(await wide.subscribe("+/kept", 0), 0)
    assert.equal((await wide.nextPublish()).topic, "mine/kept")
    assert.equal((await wide.nextPublish()).topic, "theirs/kept")
    rights = OWN
    const narrow = await device()
    await narrow.subscribe("mine/#", 0)
    assert.equal((await narrow.nextPublish()).topic, "mine/kept")
    await narrow.quiet()
  })

  it("a session taken over by another principal after a restart gives it only what it may have", async () => {
    const store = new MemoryStore()
    const before = await startBroker({ store, authenticate })
    port = before.port
    rights = OWN
    const first = await WireClient.connected(port, { clientId: "shared", clean: false })
    await first.subscribe("theirs/#", 1)
    await first.leave()
    await ownerPublishes("theirs/a", "secret")
    await stopBroker(before.broker)
    port = (await startBroker({ store: store.crash(), authenticate })).port
    const thief = await device({ clientId: "shared", clean: false })
    await thief.quiet()
    await ownerPublishes("theirs/a", "secret")
    await thief.quiet()
  })
})

describe("a client id", () => {
  const names: Authenticate = ({ username }) =>
    Promise.resolve(username === "owner" ? OWNER : { name: username ?? "", publish: ["t"], subscribe: ["t"] })
  let port: number
  const connack = async (username: string) => {
    const client = await WireClient.open(port)
    client.send(connectPacket({ clientId: "pump", username, clean: false }))
    const { body } = await client.next()
    return { code: body[1], client }
  }

  beforeEach(async () => {
    port = (await startBroker({ authenticate: names })).port
  })
  afterEach(stopBrokers)

  it("that is connected is not taken over by another principal", async () => {
    const holder = await connack("pump")
    assert.equal((await connack("thief")).code, 2)
    holder.client.send(Buffer.from([0xc0, 0]))
    assert.equal((await holder.client.next()).type, 13)
  })

  it("that is away keeps its session from another principal, and not from itself or the owner", async () => {
    const holder = await connack("pump")
    await holder.client.leave()
    assert.equal((await connack("thief")).code, 2)
    assert.equal((await connack("pump")).code, 0)
    assert.equal((await connack("owner")).code, 0)
  })
})
