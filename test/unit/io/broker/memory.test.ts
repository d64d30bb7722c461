import assert from "node:assert/strict"
import { ownBytes } from "../../../../agent/base/bytes.ts"
import { Topics } from "../../../../agent/io/broker/topics.ts"

/** How much memory the bytes hold on to beside themselves. */
const beside = (bytes: Uint8Array) => bytes.buffer.byteLength - bytes.length

describe("what the broker keeps for long", () => {
  it("would hold a whole pool if it were an ordinary small Buffer", () => {
    assert.ok(beside(Buffer.from("garden/temperature")) > 4096)
    assert.deepEqual([beside(ownBytes(Buffer.from("garden"))), String(ownBytes(Buffer.from("garden")))], [0, "garden"])
  })

  it("holds no memory beside its own: the name of a topic, as a client sent it or as the agent says it", () => {
    const topics = new Topics()
    const name = "garten/wärme"
    const sent = Buffer.from(`..${name}..`)
    sent.writeUInt16BE(sent.length - 4)
    const read = topics.read(sent, 2, sent.length - 2)
    const said = topics.of("garden/temperature")!
    assert.deepEqual([read.name, String(read.bytes), beside(read.bytes), beside(said.bytes)], [name, name, 0, 0])
    assert.equal(topics.of(name), read)
  })
})
