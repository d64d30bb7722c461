import assert from "node:assert/strict"
import fc from "fast-check"
import { topicMatches } from "../../../../agent/base/topic.ts"
import { FrameGuard } from "../../../../agent/io/broker/frame-guard.ts"
import { Retained } from "../../../../agent/io/broker/retained.ts"
import { SubscriptionIndex } from "../../../../agent/io/broker/subscription-index.ts"
import { connectPacket, packet, publishPacket } from "../../../support/mqtt-wire.ts"

const level = fc.constantFrom("a", "b", "", "$SYS")
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"))
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => [...levels, ...(open ? ["#"] : [])].join("/"))
  .filter((text) => text.length > 0)

describe("the subscription index", () => {
  it("finds exactly the subscribers whose filters match, with their highest QoS", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(filter, fc.nat(4), fc.nat(2))), topic.filter(Boolean), (entries, name) => {
        const index = new SubscriptionIndex<number>()
        const last = new Map<string, [string, number, number]>()
        for (const [text, who, qos] of entries) {
          index.add(text, who, qos)
          last.set(`${who} ${text}`, [text, who, qos])
        }
        const expected = new Map<number, number>()
        for (const [text, who, qos] of last.values())
          if (topicMatches(text, name)) expected.set(who, Math.max(qos, expected.get(who) ?? 0))
        assert.deepEqual(new Map([...index.match(name)].sort()), new Map([...expected].sort()))
        assert.equal(index.count, last.size)
        for (const [text, who] of last.values()) index.remove(text, who)
        assert.equal(index.match(name).size + index.count, 0)
      }),
    )
  })
})

describe("retained messages", () => {
  it("are found by filter as topics match, and counted", () => {
    fc.assert(
      fc.property(fc.uniqueArray(topic.filter(Boolean)), filter, (topics, text) => {
        const retained = new Retained()
        for (const name of topics)
          retained.set({ topic: name, payload: Buffer.from(name), qos: 0, owner: name.slice(0, 1) })
        const found = Array.from(retained.match(text), (message) => message.topic)
        assert.deepEqual(found.sort(), topics.filter((name) => topicMatches(text, name)).sort())
        assert.equal(retained.count, topics.length)
        for (const name of topics) retained.remove(name)
        assert.deepEqual([retained.count, retained.bytes], [0, 0])
        assert.deepEqual([...retained.match("#")], [])
      }),
    )
  })

  it("have no room beyond their bytes, but for what replaces itself", () => {
    const retained = new Retained()
    const mebibyte = new Uint8Array(1 << 20)
    for (let i = 0; i < 64; i++) retained.set({ topic: `t/${i}`, payload: mebibyte, qos: 0, owner: `o${i}` })
    assert.equal(retained.hasRoom("t/new", 1, "o"), false)
    assert.equal(retained.hasRoom("t/0", 1 << 20, "o"), true)
    retained.remove("t/0")
    assert.equal(retained.hasRoom("t/new", 1, "o"), true)
  })

  it("of one principal leave room for the others', and are another's once that one has replaced them", () => {
    const retained = new Retained()
    const mebibyte = new Uint8Array(1 << 20)
    for (let i = 0; i < 48; i++) retained.set({ topic: `t/${i}`, payload: mebibyte, qos: 0, owner: "a" })
    const room = (topic: string) => ["a", "b"].filter((owner) => retained.hasRoom(topic, 1 << 20, owner))
    assert.deepEqual([room("t/new"), room("t/0")], [["b"], ["a", "b"]])
    retained.set({ topic: "t/0", payload: mebibyte, qos: 0, owner: "b" })
    assert.deepEqual(
      [room("t/new"), room("t/0")],
      [
        ["a", "b"],
        ["a", "b"],
      ],
    )
    retained.set({ topic: "t/new", payload: mebibyte, qos: 0, owner: "a" })
    assert.deepEqual([room("t/0"), retained.count, retained.bytes], [["b"], 49, 49 << 20])
  })
})

describe("the frame guard", () => {
  const sent = [
    connectPacket(),
    publishPacket("a/b", "x".repeat(300), { qos: 1 }),
    packet(0xc0),
    publishPacket("t", "y".repeat(70_000)),
  ]

  it("gives the same packets however the bytes are cut, and however often it must wait", () => {
    const whole = Buffer.concat(sent)
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 12 }),
        fc.array(fc.boolean(), { maxLength: 8 }),
        (cuts, refusals) => {
          const got: string[] = []
          const guard: FrameGuard = new FrameGuard({
            frame: (bytes, start, _body, end) => {
              if (got.length > 0 && refusals.pop() === true) return false
              got.push(bytes.toString("hex", start, end))
              return true
            },
          })
          const edges = [0, ...cuts.sort((a, b) => a - b), whole.length]
          for (let i = 1; i < edges.length; i++) {
            guard.receive(whole.subarray(edges[i - 1], edges[i]))
            if (got.length === 1) guard.open(1 << 20)
          }
          while (got.length < sent.length) guard.resume()
          assert.deepEqual(
            got,
            sent.map((bytes) => bytes.toString("hex")),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it("keeps nothing of a packet that is too long, before CONNECT and after", () => {
    const sink = { frame: () => true }
    const long = Buffer.from([0x10, 0x80, 0x80, 0x40])
    assert.throws(() => new FrameGuard(sink).receive(long), { code: "MQTT_TOO_LARGE" })
    const guard = new FrameGuard(sink)
    guard.receive(connectPacket())
    guard.open(1000)
    guard.receive(publishPacket("t", "x".repeat(990)))
    assert.throws(() => guard.receive(publishPacket("t", "x".repeat(1000)).subarray(0, 10)), { code: "MQTT_TOO_LARGE" })
  })
})
