import { ownBytes } from "../../base/bytes.ts"
import { MQTT_PACKET_BYTES_MAX_BEFORE_CONNECT } from "../../base/limits.ts"
import { malformed, notAllowed, ProtocolError } from "./error.ts"
import { CONNECT, DISCONNECT, PINGREQ, PUBLISH } from "./wire.ts"

/** Where whole packets go. */
export interface FrameSink {
  /**
   * One packet: its fixed header at `start`, what follows it at `body`, its end at `end`.
   * @returns false if it cannot be taken now; the guard keeps it and all that follows until `resume`
   * @throws ProtocolError to close the connection
   */
  frame(bytes: Buffer, start: number, body: number, end: number): boolean
}

/** The low four bits that each packet type must have; -1 where they carry meaning or a client may not send it. */
const FLAGS = [-1, 0, -1, -1, 0, 0, 2, 0, 2, -1, 2, -1, 0, -1, 0, -1]
/** Packet types a client may send, as bits. CONNACK, SUBACK, UNSUBACK, PINGRESP, 0 and 15 are not among them. */
const FROM_CLIENT = 0b0101_0101_1111_1010
const SHORT_ACKS = 0b0000_0000_1111_0000

/**
 * Cuts a connection's bytes into packets, in place, and lets through what MQTT 3.1.1 allows in this state.
 * Before CONNECT was accepted a packet has at most 4 KiB: nothing longer is ever buffered for a stranger.
 * @see docs/spec/broker.md#guard
 */
export class FrameGuard {
  readonly #sink: FrameSink
  #bytesMax = MQTT_PACKET_BYTES_MAX_BEFORE_CONNECT
  #repeatsMarked = false
  #connectSeen = false
  #opened = false
  #closed = false
  /** The first 1 to 4 bytes of a packet whose length is not known yet. */
  #head: Buffer | null = null
  /** A packet larger than what arrived so far. */
  #partial: Buffer | null = null
  #filled = 0
  #body = 0
  /** What arrived while the sink could take nothing. */
  #kept: Buffer | null = null

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /**
   * The client is known now: larger packets, and what it sent behind its CONNECT, may pass.
   * @param repeatsMarked it speaks MQTT 3.1, which has a DUP flag in PUBREL, SUBSCRIBE and UNSUBSCRIBE too
   * @throws ProtocolError
   */
  open(bytesMax: number, repeatsMarked = false): void {
    this.#bytesMax = bytesMax
    this.#repeatsMarked = repeatsMarked
    this.#opened = true
    this.resume()
  }

  /** Nothing more is passed on. */
  close(): void {
    this.#closed = true
    this.#head = null
    this.#partial = null
    this.#kept = null
  }

  /** @throws ProtocolError */
  receive(chunk: Buffer): void {
    if (this.#closed) return
    if (this.#kept !== null) this.#kept = Buffer.concat([this.#kept, chunk])
    else if (this.#connectSeen && !this.#opened) this.#kept = chunk
    else this.#cut(chunk)
  }

  /** The sink takes packets again. @throws ProtocolError */
  resume(): void {
    const kept = this.#kept
    this.#kept = null
    if (kept !== null && !this.#closed) this.#cut(kept)
  }

  #cut(chunk: Buffer): void {
    let bytes = chunk
    let at = 0
    if (this.#partial !== null) {
      at = this.#fill(chunk)
      if (at < 0) return
    } else if (this.#head !== null) {
      bytes = Buffer.concat([this.#head, chunk])
      this.#head = null
    }
    while (at < bytes.length && !this.#closed) {
      if (this.#repeatsMarked) bytes[at] = withoutMark(bytes[at]!)
      const first = bytes[at]!
      this.#checkType(first)
      let body = at + 1
      let length = 0
      for (let shift = 0; ; shift += 7) {
        if (shift > 21) throw malformed("MQTT-2.2.3", "the remaining length has more than four bytes")
        if (body === bytes.length) {
          this.#head = ownBytes(bytes.subarray(at))
          return
        }
        const digit = bytes[body++]!
        length |= (digit & 127) << shift
        if (digit < 128) break
      }
      this.#checkLength(first >> 4, body - at + length, length)
      const end = body + length
      if (end > bytes.length) {
        this.#partial = Buffer.allocUnsafeSlow(end - at)
        this.#filled = bytes.copy(this.#partial, 0, at)
        this.#body = body - at
        return
      }
      if (!this.#pass(bytes, at, body, end)) {
        // A copy would cost more than the chunk that is pinned here: at most one read of the socket.
        this.#kept = bytes.subarray(at)
        return
      }
      at = end
      if (!this.#opened) {
        if (at < bytes.length) this.#kept = bytes.subarray(at)
        return
      }
    }
  }

  /** @returns where the packet that was waited for ends in the chunk, -1 if it does not or could not be passed on */
  #fill(chunk: Buffer): number {
    const partial = this.#partial!
    const taken = chunk.copy(partial, this.#filled)
    this.#filled += taken
    if (this.#filled < partial.length) return -1
    this.#partial = null
    if (this.#pass(partial, 0, this.#body, partial.length)) {
      if (this.#opened) return taken
      if (taken < chunk.length) this.#kept = chunk.subarray(taken)
      return -1
    }
    this.#kept = Buffer.concat([partial, chunk.subarray(taken)])
    return -1
  }

  #pass(bytes: Buffer, start: number, body: number, end: number): boolean {
    if (!this.#sink.frame(bytes, start, body, end)) return false
    if (bytes[start]! >> 4 === CONNECT) this.#connectSeen = true
    return true
  }

  #checkType(first: number): void {
    const type = first >> 4
    if (((FROM_CLIENT >> type) & 1) === 0)
      throw malformed("MQTT-2.2.1", `packet type ${type} does not come from a client`)
    if (!this.#connectSeen && type !== CONNECT) throw notAllowed("MQTT-3.1.0-1", "the first packet is no CONNECT")
    if (this.#connectSeen && type === CONNECT) throw notAllowed("MQTT-3.1.0-2", "a second CONNECT")
    const flags = first & 15
    if (type === PUBLISH) {
      if ((flags & 6) === 6) throw malformed("MQTT-3.3.1-4", "PUBLISH with QoS 3")
      if ((flags & 14) === 8) throw malformed("MQTT-3.3.1-2", "PUBLISH with QoS 0 and the DUP flag")
    } else if (flags !== FLAGS[type]) {
      throw malformed("MQTT-2.2.2-2", `packet type ${type} with flags ${flags}`)
    }
  }

  #checkLength(type: number, total: number, length: number): void {
    if (total > this.#bytesMax)
      throw new ProtocolError(
        { code: "MQTT_TOO_LARGE", bytes: total, bytesMax: this.#bytesMax },
        `a packet of ${total} bytes where ${this.#bytesMax} are allowed`,
      )
    if ((SHORT_ACKS >> type) & 1 && length !== 2)
      throw malformed("MQTT-2.3.1", `packet type ${type} with ${length} bytes`)
    if ((type === PINGREQ || type === DISCONNECT) && length !== 0)
      throw malformed("MQTT-3.12.1", `packet type ${type} with ${length} bytes`)
  }
}

/** In MQTT 3.1.1 the flag is reserved; the packet means the same without it. */
function withoutMark(first: number): number {
  return FLAGS[first >> 4] === 2 ? first & ~8 : first
}
