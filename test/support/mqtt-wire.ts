import { connect, type Socket } from "node:net"

/** One packet as it came over the wire. */
export interface Packet {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
}

export interface ConnectOptions {
  clientId?: string
  clean?: boolean
  keepaliveS?: number
  username?: string
  password?: string
  will?: { topic: string; payload: string; qos?: number; retain?: boolean }
  protocol?: string
  level?: number
  /** Replaces the computed connect flags. */
  flags?: number
}

/** How long any wait of a test may take before it fails: a bound, not a pause. */
const DEADLINE_MS = 5000

/** A client of raw packets: sends what it is told, legal or not, and hands out what arrives. */
export class WireClient {
  readonly socket: Socket
  /** Bytes that arrived and are no whole packet yet. */
  #rest: Buffer = Buffer.alloc(0)
  #packets: Packet[] = []
  #waiting: (() => void) | null = null
  #closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      this.#cut()
      this.#wake()
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      this.#closed = true
      this.#wake()
    })
  }

  static open(port: number): Promise<WireClient> {
    const { promise, resolve, reject } = Promise.withResolvers<WireClient>()
    const socket = connect(port, "127.0.0.1")
    socket.setNoDelay(true)
    socket.once("connect", () => resolve(new WireClient(socket)))
    socket.once("error", reject)
    return promise
  }

  /** Opens, connects and checks that CONNACK says 0. */
  static async connected(port: number, options: ConnectOptions = {}): Promise<WireClient> {
    const client = await WireClient.open(port)
    client.send(connectPacket(options))
    const connack = await client.next()
    if (connack.type !== 2 || connack.body[1] !== 0)
      throw new Error(`CONNACK 0 expected, got ${connack.type} ${connack.body.toString("hex")}`)
    client.sessionPresent = connack.body[0] === 1
    return client
  }

  sessionPresent = false

  send(...packets: Uint8Array[]): void {
    this.socket.write(packets.length === 1 ? packets[0]! : Buffer.concat(packets))
  }

  /** The next packet. @throws if the connection ends first, or none comes in time */
  async next(): Promise<Packet> {
    await this.#until(() => this.#packets.length > 0 || this.#closed, "a packet")
    const packet = this.#packets.shift()
    if (packet === undefined) throw new Error("the connection ended before a packet came")
    return packet
  }

  /** The next PUBLISH, decoded. */
  async nextPublish(): Promise<Publish> {
    const packet = await this.next()
    if (packet.type !== 3) throw new Error(`PUBLISH expected, got type ${packet.type}`)
    return publishOf(packet)
  }

  /** Resolves when the broker has closed the connection. @throws if packets came that nobody took */
  async ended(): Promise<void> {
    await this.#until(() => this.#closed, "the end of the connection")
    if (this.#packets.length > 0) throw new Error(`closed, but packet type ${this.#packets[0]!.type} came before`)
  }

  /** Proves that nothing is on its way: a ping answered, with nothing before the answer. */
  async quiet(): Promise<void> {
    this.send(PINGREQ)
    const packet = await this.next()
    if (packet.type !== 13) throw new Error(`nothing expected, got type ${packet.type} ${packet.body.toString()}`)
  }

  async subscribe(filter: string, qos = 0, packetId = 1): Promise<number> {
    this.send(subscribePacket(packetId, [[filter, qos]]))
    const suback = await this.next()
    if (suback.type !== 9) throw new Error(`SUBACK expected, got type ${suback.type}`)
    return suback.body[2]!
  }

  /** DISCONNECT, and waits until both sides are closed. */
  async leave(): Promise<void> {
    this.send(DISCONNECT)
    await this.#until(() => this.#closed, "the end of the connection")
  }

  /** Breaks the connection as a lost network does. */
  drop(): void {
    this.socket.resetAndDestroy()
  }

  get pending(): number {
    return this.#packets.length
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS
    while (!done()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${what} did not come within ${DEADLINE_MS} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.()
  }

  #cut(): void {
    for (;;) {
      let length = 0
      let at = 1
      for (let shift = 0; ; shift += 7) {
        if (at >= this.#rest.length) return
        const digit = this.#rest[at++]!
        length |= (digit & 127) << shift
        if (digit < 128) break
      }
      if (at + length > this.#rest.length) return
      const first = this.#rest[0]!
      this.#packets.push({ type: first >> 4, flags: first & 15, body: this.#rest.subarray(at, at + length) })
      this.#rest = this.#rest.subarray(at + length)
    }
  }
}

export interface Publish {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
  readonly packetId: number
}

export function publishOf({ flags, body }: Packet): Publish {
  const end = 2 + body.readUInt16BE(0)
  const qos = (flags >> 1) & 3
  return {
    topic: body.subarray(2, end).toString(),
    payload: body.subarray(qos === 0 ? end : end + 2).toString(),
    qos,
    retain: (flags & 1) === 1,
    dup: (flags & 8) === 8,
    packetId: qos === 0 ? 0 : body.readUInt16BE(end),
  }
}

export const PINGREQ = Buffer.from([0xc0, 0])
export const DISCONNECT = Buffer.from([0xe0, 0])

export function packet(first: number, ...parts: (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const length: number[] = []
  let rest = body.length
  do {
    const digit = rest % 128
    rest = Math.floor(rest / 128)
    length.push(rest > 0 ? digit | 128 : digit)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

/** A text behind its length. */
export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([u16(bytes.length), bytes])
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

export function connectPacket(options: ConnectOptions = {}): Buffer {
  const { will, username, password } = options
  const clean = options.clean ?? true
  const willFlags = will ? 4 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0
  const flags = (clean ? 2 : 0) | willFlags | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  return packet(
    0x10,
    text(options.protocol ?? "MQTT"),
    [options.level ?? 4, options.flags ?? flags],
    u16(options.keepaliveS ?? 60),
    text(options.clientId ?? `wire-${process.pid}-${++clients}`),
    will ? Buffer.concat([text(will.topic), text(will.payload)]) : [],
    username === undefined ? [] : text(username),
    password === undefined ? [] : text(password),
  )
}
let clients = 0

export function publishPacket(
  topic: string | Uint8Array,
  payload: string | Uint8Array,
  options: { qos?: number; retain?: boolean; dup?: boolean; packetId?: number } = {},
): Buffer {
  const qos = options.qos ?? 0
  const first = 0x30 | (options.dup ? 8 : 0) | (qos << 1) | (options.retain ? 1 : 0)
  return packet(first, text(topic), qos > 0 ? u16(options.packetId ?? 1) : [], Buffer.from(payload as string))
}

export function subscribePacket(packetId: number, filters: readonly (readonly [string, number])[]): Buffer {
  return packet(0x82, u16(packetId), ...filters.flatMap(([filter, qos]) => [text(filter), [qos]]))
}

export function unsubscribePacket(packetId: number, filters: readonly string[]): Buffer {
  return packet(0xa2, u16(packetId), ...filters.map((filter) => text(filter)))
}

export const puback = (packetId: number) => packet(0x40, u16(packetId))
export const pubrec = (packetId: number) => packet(0x50, u16(packetId))
export const pubrel = (packetId: number) => packet(0x62, u16(packetId))
export const pubcomp = (packetId: number) => packet(0x70, u16(packetId))
