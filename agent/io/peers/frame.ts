import type { Stream, StreamMessageEvent } from "@libp2p/interface"
import { concatBytes } from "../../base/bytes.ts"

/*
 * What goes over a stream of a question, each way once: how many bytes follow, in four bytes, the highest first; the bytes.
 */
const HEAD_BYTES = 4
const PIECE_BYTES = 65_536
/** Room at first for what comes. */
const FIRST_BYTES = 1024

/** @throws what the stream was broken off with, also by the signal */
export async function sendFrame(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const head = new DataView(new ArrayBuffer(HEAD_BYTES))
  head.setUint32(0, bytes.length)
  const frame = concatBytes(new Uint8Array(head.buffer), bytes)
  for (let at = 0; at < frame.length; at += PIECE_BYTES) {
    if (!stream.send(frame.subarray(at, at + PIECE_BYTES))) await stream.onDrain({ signal })
  }
  await stream.close({ signal })
}

/**
 * By events: the iterator of a stream whose last byte came before it was asked never ends.
 * @returns null where the other side sends more than `bytesMax`, or more than it said: nothing of it is kept
 * @throws what the stream was broken off with, also by the signal
 */
export async function readFrame(stream: Stream, bytesMax: number, signal: AbortSignal): Promise<Uint8Array | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>()
  const incoming = new Incoming(bytesMax)
  // What the negotiation of the stream had read too far lies in its buffer, also when everything has ended.
  const look = () => {
    if (stream.readStatus === "closed" || (stream.readableEnded && stream.readBufferLength === 0))
      reject(new Error("the stream ended in the midst of a frame"))
  }
  const onMessage = ({ data }: StreamMessageEvent) => {
    const frame = incoming.take(data.subarray())
    if (frame === undefined) look()
    else resolve(frame)
  }
  const onAbort = () => reject(new Error("it took too long"))
  stream.addEventListener("message", onMessage)
  stream.addEventListener("end", look)
  stream.addEventListener("close", look)
  signal.addEventListener("abort", onAbort)
  if (signal.aborted) onAbort()
  look()
  try {
    return await promise
  } finally {
    stream.removeEventListener("message", onMessage)
    stream.removeEventListener("end", look)
    stream.removeEventListener("close", look)
    signal.removeEventListener("abort", onAbort)
  }
}

/** The bytes of one frame, as they come: together, because each piece would take more than the bytes in it. */
export class Incoming {
  readonly #bytesMax: number
  /** The head and what follows; it grows with what came, not with what the head announces. */
  #buffer = new Uint8Array(FIRST_BYTES)
  #have = 0
  /** Where the frame ends, by its head; null until that is here. */
  #end: number | null = null

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** @returns the whole frame, null for one that is too long, undefined as long as more has to come */
  take(piece: Uint8Array): Uint8Array | null | undefined {
    const needed = this.#have + piece.length
    if (needed > HEAD_BYTES + this.#bytesMax) return null
    if (needed > this.#buffer.length) this.#grow(needed)
    this.#buffer.set(piece, this.#have)
    this.#have = needed
    if (needed < HEAD_BYTES) return undefined
    this.#end ??= HEAD_BYTES + new DataView(this.#buffer.buffer).getUint32(0)
    if (this.#end > HEAD_BYTES + this.#bytesMax || needed > this.#end) return null
    return needed === this.#end ? this.#buffer.slice(HEAD_BYTES, this.#end) : undefined
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.#buffer.length), HEAD_BYTES + this.#bytesMax))
    larger.set(this.#buffer.subarray(0, this.#have))
    this.#buffer = larger
  }
}
