import { Duplex } from "node:stream"
import { HTTP_BODY_BYTES_MAX, SERVICE_CHUNK_BYTES_MAX } from "../../../base/limits.ts"
import type { ServiceMessage, WebhookHandler } from "../../../ports/service-author.ts"
import type { WebhookRequest, WebhookResponse } from "../../../ports/service-host.ts"
import type { Json, JsonObject } from "../../../schema/json.ts"
import type { Channel } from "../channel.ts"
import type { Backend, LogLevel } from "../backend.ts"

/** The context's backend in a confined process: everything is asked of the agent over the channel. */
export class AgentBackend implements Backend {
  readonly #channel: Channel
  readonly #direct: boolean
  readonly #subscriptions = new Map<number, (message: ServiceMessage) => Promise<void>>()
  readonly #webhooks = new Map<number, WebhookHandler>()

  constructor(channel: Channel, network: "declared" | "any") {
    this.#channel = channel
    this.#direct = network === "any"
  }

  async emit(event: string, data: Json, id: string | undefined, patient: boolean): Promise<void> {
    await this.#channel.ask("emit", { event, data, id: id ?? null, patient })
  }

  log(level: LogLevel, message: string, fields: JsonObject): void {
    this.#channel.tell("log", { level, message, fields })
  }

  async storeGet(key: string): Promise<Json | undefined> {
    const { value } = (await this.#channel.ask("get", { key })) as { value?: Json }
    return value
  }

  async storeSet(key: string, value: Json | undefined): Promise<void> {
    await this.#channel.ask("set", value === undefined ? { key } : { key, value })
  }

  async publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1 | 2; retain: boolean }): Promise<void> {
    await this.#channel.ask("publish", { topic, payload: base64(payload), ...options })
  }

  async subscribe(
    filter: string,
    handler: (message: ServiceMessage) => Promise<void>,
    event: string | null,
  ): Promise<() => Promise<void>> {
    return this.#register("subscribe", { filter, event }, this.#subscriptions, handler)
  }

  async webhook(path: string, handler: WebhookHandler): Promise<() => Promise<void>> {
    return this.#register("webhook", { path }, this.#webhooks, handler)
  }

  /** The agent answers with a number first; what arrives for it right behind finds the handler, as both are read in order. */
  async #register<Handler>(
    op: string,
    args: JsonObject,
    handlers: Map<number, Handler>,
    handler: Handler,
  ): Promise<() => Promise<void>> {
    const number = this.#next()
    handlers.set(number, handler)
    try {
      await this.#channel.ask(op, { ...args, number })
    } catch (error) {
      handlers.delete(number)
      throw error
    }
    return async () => {
      handlers.delete(number)
      await this.#channel.ask("close", { number })
    }
  }

  #number = 0
  #next(): number {
    this.#number += 1
    return this.#number
  }

  /** A message of a subscription; the publisher waits for the handler. */
  async deliver(args: {
    number: number
    topic: string
    payload: string
    qos: 0 | 1 | 2
    retained: boolean
  }): Promise<null> {
    const { number, topic, payload, qos, retained } = args
    await this.#subscriptions.get(number)?.({ topic, payload: Uint8Array.fromBase64(payload), qos, retained })
    return null
  }

  /** A request to one of the webhooks. */
  async request(args: { hook: number; request: Omit<WebhookRequest, "body"> & { body: string } }): Promise<Json> {
    const handler = this.#webhooks.get(args.hook)
    if (handler === undefined) return { status: 404 }
    const response: WebhookResponse = await handler({ ...args.request, body: Uint8Array.fromBase64(args.request.body) })
    return { ...response } as Json
  }

  async fetch(url: string | URL, options: RequestInit | undefined, signal: AbortSignal): Promise<Response> {
    const signals = [signal, options?.signal].filter((one) => one instanceof AbortSignal)
    const either = AbortSignal.any(signals)
    if (this.#direct) return fetch(url, { ...options, signal: either })
    // Request does what fetch does with a body and headers of any kind.
    const request = new Request(url, { ...options, signal: either })
    const body = new Uint8Array(await request.arrayBuffer())
    if (body.length > HTTP_BODY_BYTES_MAX) throw new TypeError(`a body takes at most ${HTTP_BODY_BYTES_MAX} bytes here`)
    const number = this.#next()
    const answer = (await this.#channel.ask(
      "fetch",
      {
        number,
        url: request.url,
        method: request.method,
        headers: [...request.headers],
        body: base64(body),
        redirect: request.redirect,
      },
      either,
    )) as { status: number; statusText: string; headers: [string, string][]; url: string; redirected: boolean }
    const { status, statusText, headers, url: from, redirected } = answer
    const empty = [204, 205, 304].includes(status) || request.method === "HEAD"
    if (empty) await this.#channel.ask("close", { number })
    const response = new Response(empty ? null : this.#readable(number, either), { status, statusText, headers })
    Object.defineProperties(response, { url: { value: from }, redirected: { value: redirected } })
    return response
  }

  #readable(number: number, signal: AbortSignal): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        const chunk = await this.#read(number, signal)
        if (chunk === null) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: async () => void (await this.#channel.ask("close", { number })),
    })
  }

  /** @returns null at the end */
  async #read(number: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const chunk = (await this.#channel.ask("read", { number }, signal)) as string | null
    return chunk === null ? null : Uint8Array.fromBase64(chunk)
  }

  async connect(target: { host: string; port: number; tls?: boolean }, signal: AbortSignal): Promise<Duplex> {
    if (this.#direct) {
      const { connectDirectly } = await import("../connect.ts")
      return connectDirectly(target, signal)
    }
    const number = this.#next()
    const { host, port, tls = false } = target
    await this.#channel.ask("connect", { number, host, port, tls }, signal)
    return this.#stream(number, signal)
  }

  #stream(number: number, signal: AbortSignal): Duplex {
    const ask = (op: string, args: JsonObject, done: (error: Error | null) => void) => {
      this.#channel.ask(op, { number, ...args }).then(
        () => done(null),
        (error: Error) => done(error),
      )
    }
    const stream: Duplex = new Duplex({
      signal,
      read: () => {
        this.#read(number).then(
          (chunk) => stream.push(chunk),
          (error: Error) => stream.destroy(error),
        )
      },
      write: (chunk: Uint8Array, _encoding, done) => {
        const rest = chunk.subarray(SERVICE_CHUNK_BYTES_MAX)
        ask("write", { chunk: base64(chunk.subarray(0, SERVICE_CHUNK_BYTES_MAX)) }, (error) => {
          if (error !== null || rest.length === 0) done(error)
          else stream._write(rest, "buffer" as BufferEncoding, done)
        })
      },
      final: (done) => ask("end", {}, done),
      destroy: (error, done) => ask("close", {}, (failed) => done(error ?? failed)),
    })
    return stream
  }
}

function base64(bytes: Uint8Array): string {
  return (bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).toBase64()
}
