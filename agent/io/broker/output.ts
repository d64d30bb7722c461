import { MQTT_OUTPUT_BYTES_PER_CLIENT_MAX } from "../../base/limits.ts"
import type { Counters } from "./counters.ts"
import type { Link } from "./link.ts"

const SLAB_BYTES = 65_536

/** Memory that small packets are written into one behind the other, so that neighbours leave as one piece. */
class Slab {
  bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #at = 0

  /** @returns where `length` bytes of `bytes` are free */
  take(length: number): number {
    if (this.#at + length > SLAB_BYTES) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length))
      this.#at = 0
    }
    const at = this.#at
    this.#at += length
    return at
  }
}

/** What all connections of one broker share to write: one pass over the dirty ones per turn of the event loop. */
export class Outputs {
  /** One for deliveries and one for acknowledgements: they alternate, and each must find its neighbours. */
  readonly deliveries = new Slab()
  readonly acknowledgements = new Slab()
  readonly counters: Counters
  /** Bytes each client may have waiting; less while all together have too many. */
  bytesPerClientMax = MQTT_OUTPUT_BYTES_PER_CLIENT_MAX
  #dirty: Output[] = []
  #scheduled = false

  constructor(counters: Counters) {
    this.counters = counters
  }

  add(output: Output): void {
    this.#dirty.push(output)
    if (this.#scheduled) return
    this.#scheduled = true
    // After the poll phase: everything that all sockets brought in this turn goes out in one write per socket.
    setImmediate(() => {
      this.#scheduled = false
      const dirty = this.#dirty
      this.#dirty = []
      for (const each of dirty) each.flush()
    })
  }
}

/** The bytes on their way to one client, as pieces of shared buffers until they are written. */
export class Output {
  readonly #shared: Outputs
  readonly #link: Link
  #buffers: Buffer[] = []
  #ranges: number[] = []
  #bytes = 0
  /** What the link had not sent when it was last asked. */
  #buffered = 0
  #dirty = false

  constructor(shared: Outputs, link: Link) {
    this.#shared = shared
    this.#link = link
  }

  get waitingBytes(): number {
    return this.#bytes + this.#buffered
  }

  get roomy(): boolean {
    return this.#bytes + this.#buffered < this.#shared.bytesPerClientMax
  }

  drained(): void {
    this.#buffered = this.#link.bufferedBytes
  }

  /** A part of a buffer that nobody changes any more. */
  add(bytes: Buffer, start: number, end: number): void {
    const last = this.#buffers.length - 1
    this.#bytes += end - start
    if (last >= 0 && this.#buffers[last] === bytes && this.#ranges[2 * last + 1] === start) {
      this.#ranges[2 * last + 1] = end
      return
    }
    this.#buffers.push(bytes)
    this.#ranges.push(start, end)
    if (this.#dirty) return
    this.#dirty = true
    this.#shared.add(this)
  }

  flush(): void {
    this.#dirty = false
    const count = this.#buffers.length
    if (count === 0) return
    const bytes = count === 1 ? this.#only() : this.#joined()
    this.#buffers.length = this.#ranges.length = this.#bytes = 0
    this.#shared.counters.bytesSent += bytes.length
    this.#link.write(bytes)
    this.#buffered = this.#link.bufferedBytes
  }

  #only(): Buffer {
    const piece = this.#buffers[0]!.subarray(this.#ranges[0], this.#ranges[1])
    // Behind a slow reader a few bytes would hold on to a whole slab.
    return this.#buffered > 0 && piece.length < SLAB_BYTES / 4 ? Buffer.from(piece) : piece
  }

  #joined(): Buffer {
    const whole = Buffer.allocUnsafe(this.#bytes)
    let at = 0
    for (let i = 0; i < this.#buffers.length; i++)
      at += this.#buffers[i]!.copy(whole, at, this.#ranges[2 * i], this.#ranges[2 * i + 1])
    return whole
  }
}
