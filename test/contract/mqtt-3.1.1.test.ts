import assert from "node:assert/strict"
import { connect } from "mqtt"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import WebSocket from "ws"
import type { Principal } from "../../agent/ports/broker.ts"
import { startBroker, stopBrokers, type TestBroker } from "../support/mqtt-broker.ts"
import {
  type ConnectOptions,
  connectPacket,
  packet,
  PINGREQ,
  puback,
  pubcomp,
  publishOf,
  publishPacket,
  pubrec,
  pubrel,
  subscribePacket,
  text,
  u16,
  unsubscribePacket,
  WireClient,
} from "../support/mqtt-wire.ts"

/**
 * The normative statements of MQTT 3.1.1 (OASIS Standard, appendix B) that a server can break, each with what it must
 * do. Statements that bind only clients, or only the transport below, are not here.
 */
const SUSPECT: Principal = { name: "suspect", publish: ["open/#"], subscribe: ["open/#"] }
let broker: TestBroker
let names = 0
const name = () => `c${++names}`

const open = () => WireClient.open(broker.port)
const connected = (options: ConnectOptions = {}) => WireClient.connected(broker.port, options)

/** Sends bytes behind a good CONNECT; the server must close without an answer. */
async function closes(...bytes: Uint8Array[]): Promise<void> {
  const client = await connected()
  client.send(...bytes)
  await client.ended()
}

/** Sends bytes as the first ones; the server must close without an answer. */
async function closesAtOnce(...bytes: Uint8Array[]): Promise<void> {
  const client = await open()
  client.send(...bytes)
  await client.ended()
}

async function connack(bytes: Uint8Array): Promise<{ client: WireClient; code: number; flags: number }> {
  const client = await open()
  client.send(bytes)
  const { type, body } = await client.next()
  assert.equal(type, 2)
  return { client, code: body[1]!, flags: body[0]! }
}

async function publishOnce(topic: string, payload: string, options: Parameters<typeof publishPacket>[2] = {}) {
  const client = await connected()
  client.send(publishPacket(topic, payload, options))
  if (options.qos === 1) assert.equal((await client.next()).type, 4)
  if (options.qos === 2) {
    assert.equal((await client.next()).type, 5)
    client.send(pubrel(options.packetId ?? 1))
    assert.equal((await client.next()).type, 7)
  }
  await client.leave()
}

const statements: Record<string, () => Promise<void>> = {
  "MQTT-1.5.3-1: closes on ill-formed UTF-8": async () => {
    for (const bytes of [[0xed, 0xa0, 0x80], [0xc0, 0x80], [0xff], [0xf4, 0x90, 0x80, 0x80]])
      await closes(publishPacket(Uint8Array.from(bytes), "x"))
  },
  "MQTT-1.5.3-2: closes on U+0000 in a text": async () => {
    await closes(publishPacket("a\0b", "x"))
    await closesAtOnce(connectPacket({ clientId: "a\0b" }))
    await closes(subscribePacket(1, [["a\0", 0]]))
  },
  "MQTT-1.5.3-3: does not strip U+FEFF": async () => {
    const client = await connected()
    const topic = `\ufeff${name()}`
    await client.subscribe(topic)
    client.send(publishPacket(topic, "x"))
    assert.equal((await client.nextPublish()).topic, topic)
  },
  "MQTT-2.2.2-2: closes on wrong reserved flags": async () => {
    const wrong = [
      packet(0x80, u16(1), text("a"), [0]),
      packet(0xa0, u16(1), text("a")),
      packet(0x60, u16(1)),
      packet(0x41, u16(1)),
      packet(0xc1),
      packet(0xe1),
    ]
    for (const bytes of wrong) await closes(bytes)
    await closesAtOnce(packet(0x11, connectPacket().subarray(2)))
  },
  "MQTT-2.3.1-1: closes on packet identifier 0": async () => {
    await closes(publishPacket("a", "x", { qos: 1, packetId: 0 }))
    await closes(subscribePacket(0, [["a", 0]]))
    await closes(unsubscribePacket(0, ["a"]))
    await closes(puback(0))
  },
  "MQTT-2.3.1-4: assigns an identifier that is not in use": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 1)
    for (let i = 0; i < 3; i++) await publishOnce(topic, "x", { qos: 1 })
    const ids = [await client.nextPublish(), await client.nextPublish(), await client.nextPublish()]
    assert.equal(new Set(ids.map(({ packetId }) => packetId)).size, 3)
    assert.ok(ids.every(({ packetId }) => packetId > 0))
  },
  "MQTT-2.3.1-5: sends QoS 0 without an identifier": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 0)
    await publishOnce(topic, "xyz", { qos: 1 })
    const { body } = await client.next()
    assert.equal(body.length, 2 + topic.length + 3)
  },
  "MQTT-2.3.1-6, 2.3.1-7: acknowledges with the identifier that was sent": async () => {
    const client = await connected()
    client.send(publishPacket("a", "x", { qos: 1, packetId: 513 }))
    assert.deepEqual(await client.next(), { type: 4, flags: 0, body: u16(513) })
    client.send(publishPacket("a", "x", { qos: 2, packetId: 514 }))
    assert.deepEqual(await client.next(), { type: 5, flags: 0, body: u16(514) })
    client.send(pubrel(514))
    assert.deepEqual(await client.next(), { type: 7, flags: 0, body: u16(514) })
    client.send(subscribePacket(515, [[name(), 0]]))
    assert.deepEqual((await client.next()).body.subarray(0, 2), u16(515))
    client.send(unsubscribePacket(516, ["a"]))
    assert.deepEqual(await client.next(), { type: 11, flags: 0, body: u16(516) })
  },
  "MQTT-3.1.0-1: closes where the first packet is no CONNECT": async () => {
    for (const bytes of [PINGREQ, publishPacket("a", "x"), subscribePacket(1, [["a", 0]]), packet(0xe0)])
      await closesAtOnce(bytes)
  },
  "MQTT-3.1.0-2: closes on a second CONNECT": () => closes(connectPacket()),
  "MQTT-3.1.2-1: closes on a wrong protocol name": async () => {
    await closesAtOnce(connectPacket({ protocol: "MQTX" }))
    await closesAtOnce(connectPacket({ protocol: "mqtt" }))
  },
  "MQTT-3.1.2-2: answers 1 to an unknown protocol level, then closes": async () => {
    for (const level of [3, 6, 0, 0x84]) {
      const { client, code } = await connack(connectPacket({ level }))
      assert.equal(code, 1)
      await client.ended()
    }
  },
  "MQTT 5, 3.1.2.2: answers a version 5 client with a version 5 CONNACK, reason 0x84": async () => {
    const client = await open()
    const v5 = packet(0x10, text("MQTT"), [5, 2], u16(60), [0], text("five"))
    client.send(v5)
    assert.deepEqual(await client.next(), { type: 2, flags: 0, body: Buffer.from([0, 0x84, 0]) })
    await client.ended()
  },
  "MQTT-3.1.2-3: closes where the reserved connect flag is set": () => closesAtOnce(connectPacket({ flags: 3 })),
  "MQTT-3.1.2-4, 3.1.2-5: keeps a session, and what is sent to it meanwhile": async () => {
    const clientId = name()
    const topic = name()
    const first = await connected({ clientId, clean: false })
    await first.subscribe(topic, 1)
    await first.leave()
    await publishOnce(topic, "kept", { qos: 1 })
    const again = await connected({ clientId, clean: false })
    assert.equal(again.sessionPresent, true)
    const { payload, qos, dup } = await again.nextPublish()
    assert.deepEqual({ payload, qos, dup }, { payload: "kept", qos: 1, dup: false })
  },
  "MQTT-3.1.2-6: a clean session discards the old one and does not last": async () => {
    const clientId = name()
    const topic = name()
    const first = await connected({ clientId, clean: false })
    await first.subscribe(topic, 1)
    await first.leave()
    const clean = await connected({ clientId })
    assert.equal(clean.sessionPresent, false)
    await publishOnce(topic, "lost", { qos: 1 })
    await clean.quiet()
    await clean.leave()
    const again = await connected({ clientId, clean: false })
    assert.equal(again.sessionPresent, false)
    await again.quiet()
  },
  "MQTT-3.1.2-7: retained messages are no part of a session": async () => {
    const clientId = name()
    const topic = name()
    const client = await connected({ clientId })
    client.send(publishPacket(topic, "stays", { retain: true }))
    await client.leave()
    await (await connected({ clientId })).leave()
    const reader = await connected()
    await reader.subscribe(topic)
    assert.equal((await reader.nextPublish()).payload, "stays")
  },
  "MQTT-3.1.2-8: publishes the will when the connection is lost, or closed for a fault": async () => {
    const reader = await connected()
    const topic = name()
    await reader.subscribe(topic, 2)
    const lost = await connected({ will: { topic, payload: "lost", qos: 1 } })
    lost.drop()
    assert.equal((await reader.nextPublish()).payload, "lost")
    const faulty = await connected({ will: { topic, payload: "fault", qos: 2 } })
    faulty.send(packet(0xf0))
    const { payload, qos } = await reader.nextPublish()
    assert.deepEqual({ payload, qos }, { payload: "fault", qos: 2 })
  },
  "MQTT-3.1.2-10, 3.14.4-3: no will after DISCONNECT": async () => {
    const reader = await connected()
    const topic = name()
    await reader.subscribe(topic)
    await (await connected({ will: { topic, payload: "no" } })).leave()
    const clientId = name()
    await connected({ clientId, will: { topic, payload: "no" } }).then((client) => client.leave())
    ;(await connected({ clientId })).drop()
    await reader.quiet()
  },
  "MQTT-3.1.2-11, 3.1.2-13, 3.1.2-15: closes on will QoS or retain without a will": async () => {
    await closesAtOnce(connectPacket({ flags: 2 | 0x08 }))
    await closesAtOnce(connectPacket({ flags: 2 | 0x20 }))
  },
  "MQTT-3.1.2-14: closes on will QoS 3": () =>
    closesAtOnce(connectPacket({ flags: 2 | 4 | 0x18, will: { topic: "w", payload: "x" } })),
  "MQTT-3.1.2-16, 3.1.2-17: a will is retained if it says so, and only then": async () => {
    const topic = name()
    const watcher = await connected()
    await watcher.subscribe(`${topic}/+`)
    ;(await connected({ will: { topic: `${topic}/kept`, payload: "1", retain: true } })).drop()
    await watcher.nextPublish()
    ;(await connected({ will: { topic: `${topic}/not`, payload: "2" } })).drop()
    await watcher.nextPublish()
    const reader = await connected()
    await reader.subscribe(`${topic}/#`)
    const { payload, retain } = await reader.nextPublish()
    assert.deepEqual({ payload, retain }, { payload: "1", retain: true })
    await reader.quiet()
  },
  "MQTT-3.1.2-22: closes on a password without a user name": () =>
    closesAtOnce(connectPacket({ flags: 2 | 0x40, password: "p" })),
  "MQTT-3.1.2-24: closes after one and a half times the keep alive": async () => {
    const client = await connected({ keepaliveS: 1 })
    await client.ended()
  },
  "MQTT-3.1.3-1: closes where the payload does not hold what the flags announce": async () => {
    await closesAtOnce(connectPacket({ flags: 2 | 0x80 }))
    await closesAtOnce(connectPacket({ flags: 2, username: "u" }))
  },
  "MQTT-3.1.3-5: takes client ids of 1 to 23 letters and digits": async () => {
    for (const clientId of ["a", "0123456789abcdefghijklm", "ABCDEFGHIJKLMNOPQRSTUVW"]) {
      const client = await connected({ clientId })
      await client.leave()
    }
  },
  "MQTT-3.1.3-6, 3.1.3-7: an empty client id is given one of its own, with a clean session": async () => {
    const [a, b] = [await connected({ clientId: "" }), await connected({ clientId: "" })]
    await a.quiet()
    await b.quiet()
  },
  "MQTT-3.1.3-8, 3.1.3-9: refuses an empty client id without a clean session with code 2": async () => {
    const { client, code } = await connack(connectPacket({ clientId: "", clean: false }))
    assert.equal(code, 2)
    await client.ended()
  },
  "MQTT-3.1.3-10: closes on a will topic that is no topic name": () =>
    closesAtOnce(connectPacket({ will: { topic: "a/#", payload: "x" } })),
  "MQTT-3.1.4-1: closes on a CONNECT that breaks off": async () => {
    await closesAtOnce(packet(0x10, text("MQTT"), [4, 2]))
    await closesAtOnce(packet(0x10, text("MQTT"), [4, 2], u16(60), u16(9), [65]))
    await closesAtOnce(packet(0x10, connectPacket().subarray(2), [0]))
  },
  "MQTT-3.1.4-2: a client id that comes again takes over": async () => {
    const clientId = name()
    const old = await connected({ clientId })
    const young = await connected({ clientId })
    await old.ended()
    await young.quiet()
  },
  "MQTT-3.1.4-3: a session taken over goes on where it was": async () => {
    const clientId = name()
    const topic = name()
    const old = await connected({ clientId, clean: false })
    await old.subscribe(topic, 1)
    await publishOnce(topic, "twice", { qos: 1 })
    const first = await old.nextPublish()
    const young = await connected({ clientId, clean: false })
    await old.ended()
    const again = await young.nextPublish()
    assert.deepEqual([again.packetId, again.dup, first.dup], [first.packetId, true, false])
  },
  "MQTT-3.1.4-4, 3.2.0-1: the first answer is CONNACK": async () => {
    const { code } = await connack(connectPacket())
    assert.equal(code, 0)
  },
  "MQTT-3.1.4-5: processes nothing behind a refused CONNECT": async () => {
    const topic = name()
    const reader = await connected()
    await reader.subscribe(topic)
    const client = await open()
    client.send(connectPacket({ username: "nobody" }), publishPacket(topic, "x"))
    assert.equal((await client.next()).body[1], 5)
    await client.ended()
    await reader.quiet()
  },
  "MQTT-3.2.2-1, 3.2.2-2, 3.2.2-3: tells whether a session is present, without subscriptions too": async () => {
    const clientId = name()
    const first = await connack(connectPacket({ clientId, clean: false }))
    assert.equal(first.flags, 0)
    await first.client.leave()
    const second = await connack(connectPacket({ clientId, clean: false }))
    assert.equal(second.flags, 1)
    await second.client.leave()
    assert.equal((await connack(connectPacket({ clientId }))).flags, 0)
  },
  "MQTT-3.2.2-4, 3.2.2-5: a refusal says so, without a session, and closes": async () => {
    const { client, code, flags } = await connack(connectPacket({ username: "nobody" }))
    assert.deepEqual([code, flags], [5, 0])
    await client.ended()
  },
  "MQTT-3.3.1-1, 4.4.0-1: what was sent and not acknowledged is sent again as a duplicate, PUBREL too": async () => {
    const clientId = name()
    const topic = name()
    const client = await connected({ clientId, clean: false })
    await client.subscribe(topic, 2)
    await publishOnce(topic, "1", { qos: 1 })
    await publishOnce(topic, "2", { qos: 2 })
    const one = await client.nextPublish()
    const two = await client.nextPublish()
    client.send(pubrec(two.packetId))
    assert.deepEqual(await client.next(), { type: 6, flags: 2, body: u16(two.packetId) })
    client.drop()
    const again = await connected({ clientId, clean: false })
    const repeated = await again.nextPublish()
    assert.deepEqual({ ...repeated }, { ...one, dup: true })
    assert.deepEqual(await again.next(), { type: 6, flags: 2, body: u16(two.packetId) })
    again.send(puback(one.packetId), pubcomp(two.packetId))
    await again.quiet()
    again.drop()
    await (await connected({ clientId, clean: false })).quiet()
  },
  "MQTT-3.3.1-2: closes on QoS 0 with DUP": () => closes(publishPacket("a", "x", { dup: true })),
  "MQTT-3.3.1-3: DUP is not passed on": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 1)
    await publishOnce(topic, "x", { qos: 1, dup: true })
    assert.equal((await client.nextPublish()).dup, false)
  },
  "MQTT-3.3.1-4: closes on QoS 3": () => closes(packet(0x36, text("a"), u16(1))),
  "MQTT-3.3.1-5, 3.3.1-6, 3.3.1-8: the last retained message is given to a new subscription, marked": async () => {
    const topic = name()
    await publishOnce(topic, "old", { retain: true, qos: 1 })
    await publishOnce(topic, "new", { retain: true, qos: 1 })
    const client = await connected()
    await client.subscribe(topic, 0)
    const { payload, retain, qos } = await client.nextPublish()
    assert.deepEqual({ payload, retain, qos }, { payload: "new", retain: true, qos: 0 })
    await client.quiet()
  },
  "MQTT-3.3.1-7: a retained QoS 0 message replaces the one before": async () => {
    const topic = name()
    await publishOnce(topic, "old", { retain: true, qos: 1 })
    await publishOnce(topic, "new", { retain: true })
    const client = await connected()
    await client.subscribe(topic, 1)
    assert.equal((await client.nextPublish()).payload, "new")
  },
  "MQTT-3.3.1-9: to a standing subscription the retain flag is 0": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 1)
    await publishOnce(topic, "x", { retain: true, qos: 1 })
    assert.equal((await client.nextPublish()).retain, false)
  },
  "MQTT-3.3.1-10, 3.3.1-11: an empty retained message removes, reaches subscribers, and is not kept": async () => {
    const topic = name()
    const standing = await connected()
    await standing.subscribe(topic)
    await publishOnce(topic, "x", { retain: true, qos: 1 })
    await publishOnce(topic, "", { retain: true, qos: 1 })
    assert.equal((await standing.nextPublish()).payload, "x")
    assert.equal((await standing.nextPublish()).payload, "")
    const client = await connected()
    await client.subscribe(topic)
    await client.quiet()
  },
  "MQTT-3.3.1-12: what is not retained leaves the retained message as it was": async () => {
    const topic = name()
    await publishOnce(topic, "kept", { retain: true, qos: 1 })
    await publishOnce(topic, "passing", { qos: 1 })
    await publishOnce(topic, "", { qos: 1 })
    const client = await connected()
    await client.subscribe(topic)
    assert.equal((await client.nextPublish()).payload, "kept")
  },
  "MQTT-3.3.2-1, 3.3.2-2, 4.7.3-1: closes on an empty topic or one with wildcards": async () => {
    for (const topic of ["", "a/#", "+/a", "#", "a+"]) await closes(publishPacket(topic, "x"))
  },
  "MQTT-3.3.2-3: the topic that is delivered matches the subscription": async () => {
    const client = await connected()
    const root = name()
    await client.subscribe(`${root}/+/b`)
    for (const topic of [`${root}/a/b`, `${root}/a/c`, `${root}/b`, `${root}//b`]) await publishOnce(topic, "x")
    const got = [(await client.nextPublish()).topic, (await client.nextPublish()).topic]
    assert.deepEqual(got.sort(), [`${root}//b`, `${root}/a/b`])
    await client.quiet()
  },
  "MQTT-3.3.4-1: answers QoS 0, 1 and 2 with nothing, PUBACK and PUBREC": async () => {
    const client = await connected()
    client.send(publishPacket("a", "x"))
    await client.quiet()
    client.send(publishPacket("a", "x", { qos: 1 }))
    assert.equal((await client.next()).type, 4)
    client.send(publishPacket("a", "x", { qos: 2 }))
    assert.equal((await client.next()).type, 5)
  },
  "MQTT-3.3.5-1: overlapping subscriptions get one message, with the highest QoS": async () => {
    const root = name()
    for (const filters of [
      [`${root}/#`, 2, `${root}/a`, 1],
      [`${root}/+`, 0, `${root}/#`, 1],
    ] as const) {
      const client = await connected()
      client.send(
        subscribePacket(1, [
          [filters[0], filters[1]],
          [filters[2], filters[3]],
        ]),
      )
      await client.next()
      await publishOnce(`${root}/a`, "x", { qos: 2 })
      assert.equal((await client.nextPublish()).qos, Math.max(filters[1], filters[3]))
      await client.quiet()
      await client.leave()
    }
  },
  "MQTT-3.3.5-2: a message without right to it is acknowledged and goes nowhere": async () => {
    const owner = await connected()
    const topic = name()
    await owner.subscribe(topic)
    const suspect = await connected({ username: "suspect" })
    suspect.send(publishPacket(topic, "x", { qos: 1, packetId: 1 }), publishPacket(topic, "x", { qos: 2, packetId: 2 }))
    assert.deepEqual([(await suspect.next()).type, (await suspect.next()).type], [4, 5])
    await owner.quiet()
  },
  "MQTT-3.6.1-1: closes on PUBREL with wrong flags": () => closes(packet(0x60, u16(1))),
  "MQTT-3.8.1-1: closes on SUBSCRIBE with wrong flags": () => closes(packet(0x81, u16(1), text("a"), [0])),
  "MQTT-3.8.3-1: closes on a filter that is no UTF-8": () => closes(packet(0x82, u16(1), u16(1), [0xff], [0])),
  "MQTT-3.8.3-3: closes on SUBSCRIBE without a filter": () => closes(packet(0x82, u16(1))),
  "MQTT-3.8.3-4: closes on a requested QoS above 2": async () => {
    for (const qos of [3, 4, 0x80]) await closes(subscribePacket(1, [["a", qos]]))
  },
  "MQTT-3.8.4-1, 3.8.4-2, 3.8.4-4, 3.8.4-5, 3.9.3-1: SUBACK has one code for each filter, in their order": async () => {
    const client = await connected({ username: "suspect" })
    client.send(
      subscribePacket(77, [
        ["open/a", 2],
        ["closed", 1],
        ["open/+", 0],
        ["open/a", 1],
        ["#", 0],
      ]),
    )
    assert.deepEqual(await client.next(), { type: 9, flags: 0, body: Buffer.from([0, 77, 2, 0x80, 0, 1, 0x80]) })
  },
  "MQTT-3.8.4-3: the same filter again replaces the subscription and sends retained messages again": async () => {
    const topic = name()
    await publishOnce(topic, "kept", { retain: true, qos: 1 })
    const client = await connected()
    await client.subscribe(topic, 0)
    assert.equal((await client.nextPublish()).qos, 0)
    await client.subscribe(topic, 1)
    assert.equal((await client.nextPublish()).qos, 1)
    await publishOnce(topic, "live", { qos: 1 })
    assert.equal((await client.nextPublish()).qos, 1)
    await client.quiet()
  },
  "MQTT-3.8.4-6: QoS of a delivery is the lower of published and granted": async () => {
    for (const granted of [0, 1, 2])
      for (const published of [0, 1, 2]) {
        const client = await connected()
        const topic = name()
        assert.equal(await client.subscribe(`${topic}/#`, granted), granted)
        await publishOnce(`${topic}/x`, "x", { qos: published })
        assert.equal((await client.nextPublish()).qos, Math.min(granted, published))
        await client.leave()
      }
  },
  "MQTT-3.10.1-1: closes on UNSUBSCRIBE with wrong flags": () => closes(packet(0xa0, u16(1), text("a"))),
  "MQTT-3.10.3-1: closes on a filter that is no UTF-8": () => closes(packet(0xa2, u16(1), u16(1), [0xff])),
  "MQTT-3.10.3-2: closes on UNSUBSCRIBE without a filter": () => closes(packet(0xa2, u16(1))),
  "MQTT-3.10.4-1, 3.10.4-2: filters are compared letter by letter, and end": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(`${topic}/+`)
    client.send(unsubscribePacket(2, [`${topic}/#`, `${topic}/a`]))
    assert.equal((await client.next()).type, 11)
    await publishOnce(`${topic}/a`, "still")
    assert.equal((await client.nextPublish()).payload, "still")
    client.send(unsubscribePacket(3, [`${topic}/+`]))
    assert.equal((await client.next()).type, 11)
    await publishOnce(`${topic}/a`, "no more", { qos: 1 })
    await client.quiet()
  },
  "MQTT-3.10.4-3: what is being delivered at UNSUBSCRIBE is completed": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 2)
    await publishOnce(topic, "x", { qos: 2 })
    const { packetId } = await client.nextPublish()
    client.send(unsubscribePacket(2, [topic]))
    assert.equal((await client.next()).type, 11)
    client.send(pubrec(packetId))
    assert.deepEqual(await client.next(), { type: 6, flags: 2, body: u16(packetId) })
    client.send(pubcomp(packetId))
    await client.quiet()
  },
  "MQTT-3.10.4-4, 3.10.4-5, 3.10.4-6: UNSUBACK once for many filters, and for none that existed": async () => {
    const client = await connected()
    client.send(unsubscribePacket(9, ["never", "was/#"]))
    assert.deepEqual(await client.next(), { type: 11, flags: 0, body: u16(9) })
    await client.quiet()
  },
  "MQTT-3.12.4-1: answers PINGREQ": async () => {
    const client = await connected()
    client.send(PINGREQ)
    assert.deepEqual(await client.next(), { type: 13, flags: 0, body: Buffer.alloc(0) })
  },
  "MQTT-3.14.1-1: closes on DISCONNECT with flags, and publishes the will": async () => {
    const reader = await connected()
    const topic = name()
    await reader.subscribe(topic)
    const client = await connected({ will: { topic, payload: "bad goodbye" } })
    client.send(packet(0xe1))
    await client.ended()
    assert.equal((await reader.nextPublish()).payload, "bad goodbye")
  },
  "MQTT-3.14.4-1, 3.14.4-2: processes nothing behind DISCONNECT": async () => {
    const topic = name()
    const reader = await connected()
    await reader.subscribe(topic)
    const client = await connected()
    client.send(packet(0xe0), publishPacket(topic, "x"))
    await client.ended()
    await reader.quiet()
  },
  "MQTT-4.1.0-1, 4.1.0-2: a session is kept as long as it is owed, over many connections": async () => {
    const clientId = name()
    const topic = name()
    const first = await connected({ clientId, clean: false })
    await first.subscribe(topic, 1)
    for (let i = 0; i < 3; i++) {
      const client = await connected({ clientId, clean: false })
      client.drop()
    }
    await publishOnce(topic, "x", { qos: 1 })
    const last = await connected({ clientId, clean: false })
    assert.equal((await last.nextPublish()).payload, "x")
  },
  "MQTT-4.3.2-2: QoS 1 is delivered for every PUBLISH, a repeated one too": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 1)
    client.send(
      publishPacket(topic, "x", { qos: 1, packetId: 5 }),
      publishPacket(topic, "x", { qos: 1, packetId: 5, dup: true }),
    )
    const types = []
    for (let i = 0; i < 4; i++) types.push((await client.next()).type)
    assert.deepEqual(types.sort(), [3, 3, 4, 4])
  },
  "MQTT-4.3.3-1: as sender of QoS 2, PUBREL follows PUBREC, and nothing else completes it": async () => {
    const client = await connected()
    const topic = name()
    await client.subscribe(topic, 2)
    await publishOnce(topic, "x", { qos: 2 })
    const { packetId } = await client.nextPublish()
    client.send(pubrec(packetId))
    assert.deepEqual(await client.next(), { type: 6, flags: 2, body: u16(packetId) })
    client.send(pubrec(packetId))
    assert.deepEqual(await client.next(), { type: 6, flags: 2, body: u16(packetId) })
    client.send(pubcomp(packetId))
    await client.quiet()
    await publishOnce(topic, "y", { qos: 2 })
    const next = await client.nextPublish()
    client.send(puback(next.packetId))
    await client.ended()
  },
  "MQTT-4.3.3-2: as receiver of QoS 2, a repeat before PUBREL is no new message, and after it is one": async () => {
    const reader = await connected()
    const topic = name()
    await reader.subscribe(topic)
    const client = await connected()
    const send = publishPacket(topic, "x", { qos: 2, packetId: 3 })
    const repeat = publishPacket(topic, "x", { qos: 2, packetId: 3, dup: true })
    client.send(send, repeat, pubrel(3), pubrel(3), send)
    const types = []
    for (let i = 0; i < 5; i++) types.push((await client.next()).type)
    assert.deepEqual(types, [5, 5, 7, 7, 5])
    await reader.nextPublish()
    await reader.nextPublish()
    await reader.quiet()
  },
  "MQTT-4.5.0-1: a message is added to the session of every matching client, connected or not": async () => {
    const topic = name()
    const [away, here] = [name(), name()]
    const leaving = await connected({ clientId: away, clean: false })
    await leaving.subscribe(topic, 1)
    await leaving.leave()
    const staying = await connected({ clientId: here, clean: false })
    await staying.subscribe(topic, 1)
    await publishOnce(topic, "x", { qos: 1 })
    assert.equal((await staying.nextPublish()).payload, "x")
    assert.equal((await (await connected({ clientId: away, clean: false })).nextPublish()).payload, "x")
  },
  "MQTT-4.6.0-1..6: messages, their repeats and PUBRELs keep their order": async () => {
    const clientId = name()
    const topic = name()
    const client = await connected({ clientId, clean: false })
    await client.subscribe(topic, 2)
    const publisher = await connected()
    const count = 50
    for (let i = 1; i <= count; i++) publisher.send(publishPacket(topic, String(i), { qos: 1 + (i % 2), packetId: i }))
    for (let i = 1; i <= count; i++) assert.equal((await publisher.next()).body[1], i)
    const first = []
    for (let i = 1; i <= count; i++) first.push(await client.nextPublish())
    assert.deepEqual(
      first.map(({ payload }) => Number(payload)),
      Array.from({ length: count }, (_, i) => i + 1),
    )
    const exact = first.filter(({ qos }) => qos === 2)
    client.send(...exact.map(({ packetId }) => pubrec(packetId)))
    for (const { packetId } of exact) assert.deepEqual((await client.next()).body, u16(packetId))
    client.drop()
    const again = await connected({ clientId, clean: false })
    for (const { qos, packetId } of first) {
      const repeated = await again.next()
      assert.equal(repeated.type, qos === 1 ? 3 : 6)
      assert.equal(qos === 1 ? publishOf(repeated).packetId : repeated.body.readUInt16BE(0), packetId)
    }
  },
  "MQTT-4.7.1-1, 4.7.1-2, 4.7.1-3: closes on misplaced wildcards in filters": async () => {
    for (const filter of ["a/#/b", "a#", "#a", "a+", "a/+b", "+a/b", "a/#b"])
      await closes(subscribePacket(1, [[filter, 0]]))
  },
  "MQTT-4.7.2-1: a leading wildcard does not match topics that begin with $": async () => {
    const client = await connected()
    client.send(
      subscribePacket(1, [
        ["#", 0],
        ["+/broker/version", 0],
      ]),
    )
    await client.next()
    await publishOnce("$other/x", "x", { qos: 1 })
    client.send(PINGREQ)
    for (let got = await client.next(); got.type !== 13; got = await client.next())
      assert.ok(!publishOf(got).topic.startsWith("$"), "retained messages of $SYS too")
    await client.subscribe("$SYS/broker/version")
    assert.equal((await client.nextPublish()).payload, "mesg 0.0.0")
  },
  "MQTT-4.7.3-2: closes on U+0000 in a filter": () => closes(subscribePacket(1, [["a\0b", 0]])),
  "MQTT-4.7.3-3: texts of 65535 bytes are read as such": async () => {
    await closes(publishPacket("t".repeat(65_535), "x"))
  },
  "MQTT-4.7.3-4: topics are compared letter by letter, without case or normal forms": async () => {
    const client = await connected()
    const root = name()
    await client.subscribe(`${root}/Ab`)
    await client.subscribe(`${root}/\u00e9`)
    for (const topic of ["ab", "AB", "e\u0301", "Ab/", "/Ab"]) await publishOnce(`${root}/${topic}`, "x", { qos: 1 })
    await client.quiet()
    await publishOnce(`${root}/Ab`, "x", { qos: 1 })
    assert.equal((await client.nextPublish()).topic, `${root}/Ab`)
  },
  "MQTT-4.8.0-1, 4.8.0-2: closes on server packets and on what is no packet": async () => {
    const illegal = [
      packet(0x00),
      packet(0x20, [0, 0]),
      packet(0x90, [0, 1, 0]),
      packet(0xb0, [0, 1]),
      packet(0xd0),
      packet(0xf0),
    ]
    for (const bytes of illegal) await closes(bytes)
    await closes(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]))
    await closes(packet(0x40, u16(1), [0]))
    await closes(packet(0x40, [1]))
    await closes(packet(0xc0, [0]))
    await closes(packet(0x30, [0]))
    await closes(packet(0x30, u16(5), [65]))
    await closes(packet(0x32, text("a"), [0]))
  },
  "MQTT-6.0.0-1, 6.0.0-2, 6.0.0-4: WebSocket takes binary frames only, cut anywhere, under the name mqtt": async () => {
    const http = createServer()
    http.on("upgrade", broker.broker.websocket())
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve))
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`
    try {
      const socket = new WebSocket(url, "mqtt")
      await new Promise((resolve) => socket.once("open", resolve))
      assert.equal(socket.protocol, "mqtt")
      const bytes = Buffer.concat([connectPacket(), PINGREQ])
      for (const byte of bytes) socket.send(Buffer.from([byte]))
      const got: Buffer[] = []
      await new Promise<void>((resolve) => {
        socket.on("message", (data: Buffer, isBinary) => {
          assert.equal(isBinary, true)
          got.push(data)
          if (Buffer.concat(got).length >= 6) resolve()
        })
      })
      assert.equal(Buffer.concat(got).toString("hex"), "20020000d000")
      socket.send("text")
      await new Promise((resolve) => socket.once("close", resolve))
      const strange = new WebSocket(url, "other")
      const refused = await new Promise<string>((resolve) => strange.once("error", ({ message }) => resolve(message)))
      assert.match(refused, /400/)
    } finally {
      http.close()
    }
  },
}

describe("MQTT 3.1.1, statement by statement", () => {
  before(async () => {
    broker = await startBroker({
      authenticate: ({ username }) => {
        if (username === "nobody") return Promise.resolve(null)
        if (username === "suspect") return Promise.resolve(SUSPECT)
        return Promise.resolve({ name: "owner", publish: ["#", "$other/#"], subscribe: ["#", "$SYS/#"] })
      },
    })
  })
  after(stopBrokers)

  for (const [statement, check] of Object.entries(statements)) it(statement, check)

  it("speaks to a client of MQTT 3.1 as well", async () => {
    const client = await connected({ protocol: "MQIsdp", level: 3, clientId: name(), clean: false })
    await client.leave()
  })

  it("lets a client that tried MQTT 5 fall back", async () => {
    const url = `mqtt://127.0.0.1:${broker.port}`
    const five = connect(url, { protocolVersion: 5, reconnectPeriod: 0 })
    const error = await new Promise<Error>((resolve) => five.once("error", resolve))
    assert.match(error.message, /Unsupported Protocol Version/)
    five.end(true)
    const four = connect(url, { protocolVersion: 4, reconnectPeriod: 0 })
    await new Promise((resolve) => four.once("connect", resolve))
    await four.endAsync()
  })
})
