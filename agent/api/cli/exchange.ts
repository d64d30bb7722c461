import { connect, type Socket } from "node:net"
import { HTTP_HEADER_BYTES_MAX } from "../../base/limits.ts"

export interface Exchange {
  readonly status: number
  readonly body: AsyncIterable<Buffer>
  /** Ends the connection, read or not. */
  destroy(): void
}

export interface ExchangeRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
  /** ms of silence after which it fails; 0 for none. */
  readonly timeoutMs: number
}

/** The other side broke off, or does not speak HTTP/1.1. */
export class ExchangeError extends Error {
  readonly code = "BROKEN_ANSWER"
}

/**
 * One HTTP/1.1 exchange on a connection of its own (RFC 9112). Loading node:http takes longer than everything else that
 * a command does; a client that sends one request to our own server needs this much of it.
 * @throws Error of the socket (ECONNREFUSED, …), ExchangeError
 */
export async function exchange(request: ExchangeRequest): Promise<Exchange> {
  const socket = await open(request.url)
  if (request.timeoutMs > 0) {
    socket.setTimeout(request.timeoutMs, () => {
      socket.destroy(new ExchangeError(`nothing came for ${request.timeoutMs / 1000} s`))
    })
  }
  const reader = new Reader(socket)
  socket.write(headOf(request))
  if (request.body !== null) socket.write(request.body)
  const destroy = () => void socket.destroy()
  try {
    const { status, headers } = await readHead(reader)
    return { status, body: bodyOf(reader, status, headers, destroy), destroy }
  } catch (error) {
    destroy()
    throw error
  }
}

async function open(url: URL): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, "")
  if (url.protocol === "https:") {
    const { connect: connectTls } = await import("node:tls")
    return connectTls({ host, port: Number(url.port || 443), servername: host })
  }
  return connect({ host, port: Number(url.port || 80), noDelay: true })
}

function headOf({ method, url, headers, body }: ExchangeRequest): string {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, "connection: close"]
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\t -~]*$/.test(value)) throw new ExchangeError(`the header ${name} has characters that cannot be sent`)
    lines.push(`${name}: ${value}`)
  }
  if (body !== null) lines.push(`content-length: ${body.length}`)
  return `${lines.join("\r\n")}\r\n\r\n`
}

/** Bytes of a socket, taken by line or by count. */
class Reader {
  readonly #parts: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#parts = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf("\r\n")
      if (end >= 0) {
        const line = this.#held.toString("latin1", 0, end)
        this.#held = this.#held.subarray(end + 2)
        return line
      }
      if (this.#held.length > HTTP_HEADER_BYTES_MAX) throw new ExchangeError("the head of the answer is too long")
      const part = await this.#next()
      if (part === null) throw new ExchangeError("the connection ended inside the answer")
      this.#held = Buffer.concat([this.#held, part])
    }
  }

  /** @returns what there is, at most so many bytes; null at the end */
  async take(bytesMax: number): Promise<Buffer | null> {
    const part = this.#held.length > 0 ? this.#held : await this.#next()
    if (part === null) return null
    this.#held = part.subarray(bytesMax)
    return part.subarray(0, bytesMax)
  }

  async #next(): Promise<Buffer | null> {
    const next = await this.#parts.next()
    return next.done === true ? null : next.value
  }
}

async function readHead(reader: Reader): Promise<{ status: number; headers: Map<string, string> }> {
  const match = /^HTTP\/1\.1 (\d{3})/.exec(await reader.line())
  if (match === null) throw new ExchangeError("the answer is not HTTP/1.1")
  const headers = new Map<string, string>()
  for (let line = await reader.line(); line !== ""; line = await reader.line()) {
    const colon = line.indexOf(":")
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { status: Number(match[1]), headers }
}

async function* bodyOf(reader: Reader, status: number, headers: Map<string, string>, destroy: () => void) {
  try {
    if (status === 204 || status === 304) return
    if (headers.get("transfer-encoding") === "chunked") yield* chunks(reader)
    else yield* counted(reader, Number(headers.get("content-length") ?? 0))
  } finally {
    destroy()
  }
}

async function* chunks(reader: Reader): AsyncGenerator<Buffer> {
  for (;;) {
    const size = Number.parseInt(await reader.line(), 16)
    if (Number.isNaN(size)) throw new ExchangeError("the answer is not well chunked")
    if (size === 0) return
    yield* counted(reader, size)
    await reader.line()
  }
}

async function* counted(reader: Reader, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; ) {
    const part = await reader.take(left)
    if (part === null) throw new ExchangeError("the connection ended inside the answer")
    left -= part.length
    yield part
  }
}
