import type { Duplex } from "node:stream"
import { isMesgError, MesgError, messageOf } from "../../base/errors.ts"
import {
  SERVICE_ASKS_OPEN_MAX,
  SERVICE_CALLS_OPEN_MAX,
  SERVICE_FRAME_BYTES_MAX,
  SERVICE_QUEUE_BYTES_MAX,
} from "../../base/limits.ts"
import { isTooDeep, type Json } from "../../schema/json.ts"

/**
 * One message between the agent and a confined service: a length of 4 bytes, big-endian, then JSON.
 * `ask` is answered by `ok` or `no` with the same number, `drop` takes an ask back, `tell` wants no answer.
 */
type Frame =
  | readonly ["ask", number, string, Json]
  | readonly ["ok", number, Json]
  | readonly ["no", number, { readonly code: string; readonly message: string }]
  | readonly ["drop", number]
  | readonly ["tell", string, Json]

export interface ChannelHandlers {
  ask(op: string, args: Json, signal: AbortSignal): Promise<Json | undefined>
  tell(op: string, args: Json): void
  /** Told once: the other side is gone, or does not keep to the form. Open asks have been rejected by then. */
  broken(reason: { code: "CHANNEL_CLOSED" | "CHANNEL_PROTOCOL" | "CHANNEL_FULL"; message: string }): void
}

/** The other side refused or failed; the code is the one it gave. */
export class RemoteError extends MesgError<{ readonly code: string }> {}

/**
 * Asks and answers over one stream, the same class on both sides. The other side is not trusted: frames, queue and
 * open asks are bounded. Past the bound of open asks it reads no more until one is answered.
 */
export class Channel {
  readonly #stream: Duplex
  readonly #handlers: ChannelHandlers
  readonly #waiting = new Map<number, { resolve: (value: Json) => void; reject: (error: Error) => void }>()
  readonly #serving = new Map<number, AbortController>()
  #number = 0
  #parts: Buffer[] = []
  #held = 0
  #over = false

  constructor(stream: Duplex, handlers: ChannelHandlers) {
    this.#stream = stream
    this.#handlers = handlers
    stream.on("data", (chunk: Buffer) => this.#read(chunk))
    stream.once("close", () => this.#break("CHANNEL_CLOSED", "the other side is gone"))
    stream.once("end", () => this.#break("CHANNEL_CLOSED", "the other side has ended"))
    stream.on("error", (error) => this.#break("CHANNEL_CLOSED", messageOf(error)))
  }

  /** Whether it reads no more for now, as too many asks are open: its silence then means nothing. */
  get holding(): boolean {
    return this.#stream.isPaused()
  }

  /**
   * @param graceMs how long the other side may still answer after the signal aborted
   * @throws RemoteError with the other side's code, or SERVICE_BUSY, MESSAGE_TOO_LARGE (nothing was sent),
   * CHANNEL_CLOSED, CHANNEL_PROTOCOL, CHANNEL_FULL; the signal's reason once it aborts
   */
  async ask(op: string, args: Json, signal?: AbortSignal, graceMs = 0): Promise<Json> {
    signal?.throwIfAborted()
    if (this.#waiting.size >= SERVICE_CALLS_OPEN_MAX) {
      throw new RemoteError({ code: "SERVICE_BUSY" }, `${SERVICE_CALLS_OPEN_MAX} requests are open already`)
    }
    this.#number += 1
    const number = this.#number
    const { promise, resolve, reject } = Promise.withResolvers<Json>()
    let grace: NodeJS.Timeout | undefined
    const giveUp = () => reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"))
    const abort = () => {
      if (graceMs === 0) giveUp()
      else grace = setTimeout(giveUp, graceMs)
      if (!this.#over) this.#send(["drop", number])
    }
    signal?.addEventListener("abort", abort, { once: true })
    this.#waiting.set(number, { resolve, reject })
    try {
      this.#send(["ask", number, op, args])
      return await promise
    } finally {
      clearTimeout(grace)
      this.#waiting.delete(number)
      signal?.removeEventListener("abort", abort)
    }
  }

  /** @throws RemoteError MESSAGE_TOO_LARGE, CHANNEL_CLOSED, CHANNEL_FULL */
  tell(op: string, args: Json): void {
    this.#send(["tell", op, args])
  }

  close(): void {
    this.#break("CHANNEL_CLOSED", "closed here")
    this.#stream.destroy()
  }

  #send(frame: Frame): void {
    if (this.#over) throw new RemoteError({ code: "CHANNEL_CLOSED" }, "the other side is gone")
    const body = Buffer.from(JSON.stringify(frame))
    if (body.length > SERVICE_FRAME_BYTES_MAX) {
      throw new RemoteError(
        { code: "MESSAGE_TOO_LARGE" },
        `${body.length} bytes at once, at most ${SERVICE_FRAME_BYTES_MAX}`,
      )
    }
    if (this.#stream.writableLength + body.length > SERVICE_QUEUE_BYTES_MAX) {
      const message = `the other side has left ${this.#stream.writableLength} bytes unread`
      this.#break("CHANNEL_FULL", message)
      throw new RemoteError({ code: "CHANNEL_FULL" }, message)
    }
    const head = Buffer.allocUnsafe(4)
    head.writeUInt32BE(body.length)
    this.#stream.cork()
    this.#stream.write(head)
    this.#stream.write(body)
    this.#stream.uncork()
  }

  #read(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#held += chunk.length
    while (!this.#over && this.#held >= 4) {
      const first = this.#parts[0]!
      const all = first.length >= 4 ? first : this.#joined()
      const length = all.readUInt32BE(0)
      if (length > SERVICE_FRAME_BYTES_MAX) {
        this.#break("CHANNEL_PROTOCOL", `a message of ${length} bytes, at most ${SERVICE_FRAME_BYTES_MAX}`)
        return
      }
      if (this.#held < 4 + length) return
      const whole = all.length >= 4 + length ? all : this.#joined()
      this.#parts[0] = whole.subarray(4 + length)
      this.#held -= 4 + length
      this.#take(whole.toString("utf8", 4, 4 + length))
    }
  }

  #joined(): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    this.#parts = [all]
    return all
  }

  #take(text: string): void {
    let frame: unknown
    try {
      frame = JSON.parse(text)
    } catch (error) {
      return this.#break("CHANNEL_PROTOCOL", `a message is no JSON: ${messageOf(error)}`)
    }
    if (!isFrame(frame) || isTooDeep(frame)) return this.#break("CHANNEL_PROTOCOL", "a message has not the form of one")
    switch (frame[0]) {
      case "ask":
        return this.#serve(frame[1], frame[2], frame[3])
      case "drop":
        return this.#serving.get(frame[1])?.abort(new Error("no longer wanted"))
      case "tell":
        return this.#handlers.tell(frame[1], frame[2])
      case "ok":
        return this.#waiting.get(frame[1])?.resolve(frame[2])
      case "no":
        return this.#waiting.get(frame[1])?.reject(new RemoteError({ code: frame[2].code }, frame[2].message))
    }
  }

  #serve(number: number, op: string, args: Json): void {
    if (this.#serving.has(number)) return this.#break("CHANNEL_PROTOCOL", "a request has the number of an open one")
    const own = new AbortController()
    this.#serving.set(number, own)
    if (this.#serving.size >= SERVICE_ASKS_OPEN_MAX) this.#stream.pause()
    const done = (frame: Frame) => {
      this.#serving.delete(number)
      if (this.#over) return
      try {
        this.#send(frame)
      } catch (error) {
        // The answer does not fit: say that instead. Where even this fails the channel is broken and has said so.
        if (!this.#over && frame[0] === "ok") this.#send(refusal(number, error))
      }
      if (this.#stream.isPaused()) this.#stream.resume()
    }
    this.#handlers.ask(op, args, own.signal).then(
      (value) => done(["ok", number, value ?? null]),
      (error: unknown) => done(refusal(number, error)),
    )
  }

  #break(code: "CHANNEL_CLOSED" | "CHANNEL_PROTOCOL" | "CHANNEL_FULL", message: string): void {
    if (this.#over) return
    this.#over = true
    this.#parts = []
    for (const serving of this.#serving.values()) serving.abort(new RemoteError({ code }, message))
    for (const waiting of this.#waiting.values()) waiting.reject(new RemoteError({ code }, message))
    this.#handlers.broken({ code, message })
  }
}

function refusal(number: number, error: unknown): Frame {
  const code = isMesgError(error) ? error.code : "FAILED"
  return ["no", number, { code, message: messageOf(error).slice(0, 4096) }]
}

function isFrame(value: unknown): value is Frame {
  if (!Array.isArray(value)) return false
  const [kind, second, third] = value as unknown[]
  const numbered = Number.isSafeInteger(second)
  switch (kind) {
    case "ask":
      return value.length === 4 && numbered && typeof third === "string"
    case "ok":
      return value.length === 3 && numbered
    case "drop":
      return value.length === 2 && numbered
    case "tell":
      return value.length === 3 && typeof second === "string"
    case "no": {
      const { code, message } = (third ?? {}) as Record<string, unknown>
      return value.length === 3 && numbered && typeof code === "string" && typeof message === "string"
    }
    default:
      return false
  }
}
