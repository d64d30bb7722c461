import assert from "node:assert/strict"
import { closes, connected, name, publishOnce, describeStatements } from "../../support/mqtt-statements.ts"
import {
  packet,
  PINGREQ,
  pubcomp,
  publishOf,
  publishPacket,
  pubrec,
  subscribePacket,
  text,
  u16,
  unsubscribePacket,
} from "../../support/mqtt-wire.ts"

describeStatements("subscriptions", {
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
})
