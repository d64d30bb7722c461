import assert from "node:assert/strict"
import { Publication } from "../../../../agent/io/broker/publication.ts"
import { Topic } from "../../../../agent/io/broker/topics.ts"

describe("a message on its way through the broker", () => {
  const topic = new Topic<never>("a/b", Buffer.from("a/b"))

  it("that may wait long has memory of its own, once for everybody who keeps it", () => {
    const frame = { bytes: Buffer.from("a small piece of Node's pool"), packetIdAt: 2 }
    assert.ok(frame.bytes.buffer.byteLength > frame.bytes.length, "the pool is what it was")
    const publication = Publication.ofPacket(topic, frame, 1, false)
    const { lasting } = publication
    assert.equal(lasting.bytes.buffer.byteLength, lasting.bytes.length)
    assert.deepEqual([lasting.bytes, lasting.packetIdAt], [frame.bytes, 2])
    assert.equal(publication.lasting, lasting)
  })
})
