import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as after } from "node:timers/promises"
import { connect } from "mqtt"
import WebSocket from "ws"
import {
  broker,
  closes,
  closesAtOnce,
  connack,
  connected,
  name,
  open,
  publishOnce,
  describeStatements,
} from "../../support/mqtt-statements.ts"
import {
  connectPacket,
  packet,
  PINGREQ,
  puback,
  publishPacket,
  pubrel,
  subscribePacket,
  text,
  u16,
  unsubscribePacket,
} from "../../support/mqtt-wire.ts"

describeStatements(
  "connections",
  {
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
    "MQTT 3.1, 3.6 and 3.8: takes a repeat that is marked with DUP, which 3.1.1 closes on": async () => {
      const marked = (bytes: Buffer) => packet(bytes[0]! | 8, bytes.subarray(2))
      const old = await connected({ protocol: "MQIsdp", level: 3 })
      old.send(publishPacket("a", "x", { qos: 2, packetId: 9 }), pubrel(9), marked(pubrel(9)))
      assert.deepEqual([(await old.next()).type, (await old.next()).type, (await old.next()).type], [5, 7, 7])
      old.send(marked(subscribePacket(10, [[name(), 1]])), marked(unsubscribePacket(11, ["a"])))
      assert.deepEqual([(await old.next()).type, (await old.next()).type], [9, 11])
      for (const bytes of [pubrel(9), subscribePacket(10, [["a", 0]]), unsubscribePacket(11, ["a"])])
        await closes(marked(bytes))
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
      // Each is heard at another moment between two looks of the broker.
      const silences: Promise<number>[] = []
      for (let i = 0; i < 5; i++) {
        const client = await connected({ keepaliveS: 1 })
        client.send(PINGREQ)
        const sentMs = performance.now()
        assert.equal((await client.next()).type, 13)
        silences.push(client.ended().then(() => performance.now() - sentMs))
        await after(90)
      }
      for (const silenceMs of await Promise.all(silences)) assert.ok(silenceMs >= 1500, `after ${silenceMs} ms`)
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
    "MQTT-6.0.0-1, 6.0.0-2, 6.0.0-4: WebSocket takes binary frames only, cut anywhere, under the name mqtt":
      async () => {
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
          const refused = await new Promise<string>((resolve) =>
            strange.once("error", ({ message }) => resolve(message)),
          )
          assert.match(refused, /400/)
        } finally {
          http.close()
        }
      },
  },
  () => {
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
  },
)
