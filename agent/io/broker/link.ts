import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import type { WebSocket } from "ws"
import type { Credentials } from "../../ports/broker.ts"
import { malformed } from "./error.ts"

export interface LinkEvents {
  data(chunk: Buffer): void
  /** Everything that was written has left this process. */
  drained(): void
  failed(error: Error): void
  closed(): void
}

/** A way of bytes to one client, whatever carries it. */
export interface Link {
  readonly transport: Credentials["transport"]
  readonly address: string
  readonly certificate: string | null
  /** Bytes written that have not left this process. */
  readonly bufferedBytes: number
  /** Bytes that have left this process; grows while the client reads. */
  readonly flushedBytes: number
  listen(events: LinkEvents): void
  write(bytes: Buffer): void
  pause(): void
  resume(): void
  /** Closes after what was written. */
  end(): void
  destroy(): void
}

/** MQTT over TCP, or TLS over it. */
export class SocketLink implements Link {
  readonly transport: "tcp" | "tls"
  readonly #socket: Socket

  constructor(socket: Socket, transport: "tcp" | "tls") {
    this.#socket = socket
    this.transport = transport
  }

  get address(): string {
    return this.#socket.remoteAddress ?? ""
  }

  /** The common name of a certificate that our CA signed. */
  get certificate(): string | null {
    if (this.transport === "tcp") return null
    const socket = this.#socket as TLSSocket
    if (!socket.authorized) return null
    const name = socket.getPeerCertificate()?.subject?.CN
    return typeof name === "string" && name.length > 0 ? name : null
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  get flushedBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  listen(events: LinkEvents): void {
    const socket = this.#socket
    socket.on("data", (chunk: Buffer) => events.data(chunk))
    socket.on("drain", () => events.drained())
    socket.on("error", (error) => events.failed(error))
    socket.on("close", () => events.closed())
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** MQTT over WebSocket [MQTT-6.0.0]: packets and messages need not align. */
export class WebSocketLink implements Link {
  readonly transport = "websocket"
  readonly address: string
  readonly certificate = null
  readonly #socket: WebSocket
  #written = 0
  #events: LinkEvents | null = null

  constructor(socket: WebSocket, address: string) {
    this.#socket = socket
    this.address = address
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  get flushedBytes(): number {
    return this.#written - this.#socket.bufferedAmount
  }

  listen(events: LinkEvents): void {
    this.#events = events
    this.#socket.on("message", (data, isBinary) => {
      if (!isBinary) events.failed(malformed("MQTT-6.0.0-1", "a WebSocket text frame"))
      else if (Buffer.isBuffer(data)) events.data(data)
      else events.data(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data))
    })
    this.#socket.on("error", (error) => events.failed(error))
    this.#socket.on("close", () => events.closed())
  }

  write(bytes: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#written += bytes.length
    this.#socket.send(bytes, { binary: true }, () => {
      if (this.#socket.bufferedAmount === 0) this.#events?.drained()
    })
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.close()
  }

  destroy(): void {
    this.#socket.terminate()
  }
}
