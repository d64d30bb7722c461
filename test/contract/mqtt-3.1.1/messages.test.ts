import assert from "node:assert/strict"
import { closes, connected, name, publishOnce, describeStatements } from "../../support/mqtt-statements.ts"
import {
  packet,
  puback,
  pubcomp,
  publishOf,
  publishPacket,
  pubrec,
  pubrel,
  subscribePacket,
  text,
  u16,
} from "../../support/mqtt-wire.ts"

describeStatements("messages", {
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
})
