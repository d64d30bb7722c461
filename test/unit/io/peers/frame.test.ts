import assert from "node:assert/strict"
import { getHeapStatistics } from "node:v8"
import { concatBytes } from "../../../../agent/base/bytes.ts"
import { PEER_ANSWER_BYTES_MAX } from "../../../../agent/base/network-limits.ts"
import { Incoming } from "../../../../agent/io/peers/frame.ts"

function framed(bytes: Uint8Array, announced = bytes.length): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(announced)
  return concatBytes(head, bytes)
}

/** As they come. @returns what the last of them gave */
function taken(frame: Uint8Array, pieceBytes: number, bytesMax: number): Uint8Array | null | undefined {
  const incoming = new Incoming(bytesMax)
  for (let at = 0; at < frame.length; at += pieceBytes) {
    const given = incoming.take(frame.subarray(at, at + pieceBytes))
    if (given !== undefined) return at + pieceBytes < frame.length ? null : given
  }
  return undefined
}

describe("a frame that comes in pieces", () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)

  for (const piece of [1, 3, 4, 5, 1000, 400_000])
    it(`is the same in pieces of ${piece} bytes, however many they are`, () => {
      assert.deepEqual(taken(framed(bytes), piece, PEER_ANSWER_BYTES_MAX), bytes)
    })

  it("takes less memory than a piece kept for each byte would, in pieces of one byte", () => {
    const frame = framed(bytes)
    const before = getHeapStatistics().total_allocated_bytes
    const incoming = new Incoming(PEER_ANSWER_BYTES_MAX)
    const piece = new Uint8Array(1)
    for (const byte of frame) {
      piece[0] = byte
      incoming.take(piece)
    }
    const allocated = getHeapStatistics().total_allocated_bytes - before
    assert.ok(allocated < 64 * bytes.length, `${allocated} bytes`)
  })

  it("takes nothing for what its head announces", () => {
    const before = getHeapStatistics().total_allocated_bytes
    assert.equal(new Incoming(PEER_ANSWER_BYTES_MAX).take(framed(new Uint8Array(0), PEER_ANSWER_BYTES_MAX)), undefined)
    assert.ok(getHeapStatistics().total_allocated_bytes - before < PEER_ANSWER_BYTES_MAX / 4)
  })

  for (const { what, frame } of [
    { what: "announces more than it may have", frame: framed(new Uint8Array(0), 11) },
    { what: "announces 2^32-1 bytes", frame: framed(new Uint8Array(0), 2 ** 32 - 1) },
    { what: "is longer than it says", frame: framed(new Uint8Array(5), 4) },
    { what: "is longer than any may be", frame: framed(new Uint8Array(20), 20) },
  ])
    it(`is refused where it ${what}`, () => assert.equal(taken(frame, 100, 10), null))

  it("may be empty", () => assert.deepEqual(taken(framed(new Uint8Array(0)), 1, 10), new Uint8Array(0)))
})
