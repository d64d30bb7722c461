import type { Duplex, Readable } from "node:stream"
import {
  HTTP_BODY_BYTES_MAX,
  SERVICE_CHUNK_BYTES_MAX,
  SERVICE_CONNECTIONS_MAX,
  SERVICE_SUBSCRIPTIONS_MAX,
  SERVICE_WEBHOOK_TIMEOUT_MS,
  SERVICE_WEBHOOKS_MAX,
} from "../../base/limits.ts"
import * as v from "valibot"
import type { ServiceBridge } from "../../ports/service-host.ts"
import type { Json } from "../../schema/json.ts"
import type { Channel } from "./channel.ts"
import { type ChildRequest, parseRequest, WebhookResponseSchema } from "./child-requests.ts"
import { connectDirectly } from "./connect.ts"
import type { NetworkGate } from "./network-gate.ts"
import { fetchThrough } from "./proxied-fetch.ts"
import { ServiceError } from "./service-error.ts"

/** Something that a confined service holds open, under the number it gave it. */
type Held =
  | { readonly kind: "subscription" | "webhook"; close(): void }
  | { readonly kind: "stream"; readonly stream: Readable | Duplex; close(): void }

/** Does what a confined service's process asks: against the bridge, and on the network past the gate. */
export class ChildDesk {
  readonly #service: string
  readonly #bridge: ServiceBridge
  readonly #gate: NetworkGate
  readonly #held = new Map<number, Held>()
  readonly #life = new AbortController()

  constructor(service: string, bridge: ServiceBridge, gate: NetworkGate) {
    this.#service = service
    this.#bridge = bridge
    this.#gate = gate
  }

  /** @throws what the bridge throws; ServiceError NETWORK_REFUSED, NETWORK_FAILED, SERVICE_LIMIT */
  async serve(channel: Channel, op: string, args: Json, signal: AbortSignal): Promise<Json | undefined> {
    const request = parseRequest(op, args)
    if (request === null) throw new TypeError(`${op} is no request with such arguments`)
    if (this.#life.signal.aborted) {
      throw new ServiceError({ code: "SERVICE_STOPPED", service: this.#service }, `${this.#service} has been stopped`)
    }
    return this.#do(channel, request, signal)
  }

  /** The process is gone, and its streams go with it. What it was subscribed to is the bridge's to take back. */
  close(): void {
    this.#life.abort(new Error(`${this.#service} has ended`))
    for (const held of this.#held.values()) if (held.kind === "stream") held.close()
    this.#held.clear()
  }

  async #do(channel: Channel, request: ChildRequest, signal: AbortSignal): Promise<Json | undefined> {
    const bridge = this.#bridge
    switch (request.op) {
      case "emit": {
        const { event, data, id, patient } = request.args
        await bridge.emit(event, data, id ?? undefined, { patient })
        return
      }
      case "get": {
        const value = bridge.storeGet(request.args.key)
        return value === undefined ? {} : { value }
      }
      case "set":
        await bridge.storeSet(request.args.key, request.args.value)
        return
      case "publish": {
        const { topic, payload, qos, retain } = request.args
        await bridge.publish(topic, payload, { qos, retain })
        return
      }
      case "subscribe":
        this.#subscribe(channel, request.args)
        return
      case "webhook":
        this.#webhook(channel, request.args.number, request.args.path)
        return
      case "close": {
        const held = this.#held.get(request.args.number)
        this.#held.delete(request.args.number)
        held?.close()
        return
      }
      case "connect": {
        const { number, ...target } = request.args
        this.#admit(number, "stream", SERVICE_CONNECTIONS_MAX)
        const address = await this.#gate.addressOf(target.host, target.port)
        this.#hold(number, await connectDirectly(target, AbortSignal.any([signal, this.#life.signal]), address))
        return
      }
      case "fetch": {
        const { number, ...wanted } = request.args
        this.#admit(number, "stream", SERVICE_CONNECTIONS_MAX)
        const { body, ...answer } = await fetchThrough(this.#gate, wanted, AbortSignal.any([signal, this.#life.signal]))
        this.#hold(number, body)
        return answer as Json
      }
      case "read":
        return this.#read(request.args.number, signal)
      case "write":
        return this.#write(request.args.number, request.args.chunk)
      case "end": {
        const stream = this.#stream(request.args.number)
        if ("end" in stream) stream.end()
        return
      }
    }
  }

  #subscribe(
    channel: Channel,
    { number, filter, event }: { number: number; filter: string; event: string | null },
  ): void {
    this.#admit(number, "subscription", SERVICE_SUBSCRIPTIONS_MAX)
    const deliver = async (topic: string, payload: Uint8Array, about: { qos: 0 | 1 | 2; retained: boolean }) => {
      const { qos, retained } = about
      await channel.ask("deliver", { number, topic, payload: payload.toBase64(), qos, retained })
    }
    const close = this.#bridge.subscribe(filter, deliver, event)
    this.#held.set(number, { kind: "subscription", close })
  }

  #webhook(channel: Channel, number: number, path: string): void {
    this.#admit(number, "webhook", SERVICE_WEBHOOKS_MAX)
    const close = this.#bridge.webhook(path, async (request) => {
      const sent = { ...request, body: request.body.subarray(0, HTTP_BODY_BYTES_MAX).toBase64() }
      const { status, body, headers } = v.parse(
        WebhookResponseSchema,
        await channel.ask(
          "request",
          { hook: number, request: sent as Json },
          AbortSignal.timeout(SERVICE_WEBHOOK_TIMEOUT_MS),
        ),
      )
      return { status, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) }
    })
    this.#held.set(number, { kind: "webhook", close })
  }

  /** @throws ServiceError SERVICE_LIMIT */
  #admit(number: number, kind: Held["kind"], max: number): void {
    if (this.#held.has(number)) throw new TypeError(`${number} is in use`)
    const count = [...this.#held.values()].filter((held) => held.kind === kind).length
    if (count < max) return
    const message = `${this.#service} holds ${max} of kind ${kind}, the most a service may`
    throw new ServiceError({ code: "SERVICE_LIMIT", service: this.#service, limit: kind }, message)
  }

  #hold(number: number, stream: Readable | Duplex): void {
    const close = () => void stream.destroy()
    if (this.#life.signal.aborted || this.#held.has(number)) return close()
    // Read by its own means below; a failure is told at the next read.
    stream.on("error", () => undefined)
    this.#held.set(number, { kind: "stream", stream, close })
  }

  #stream(number: number): Readable | Duplex {
    const held = this.#held.get(number)
    if (held?.kind === "stream") return held.stream
    throw new TypeError(`no stream ${number} is open`)
  }

  /** The next bytes, or null at the end: pulled, so nothing piles up here. */
  async #read(number: number, signal: AbortSignal): Promise<Json> {
    const stream = this.#stream(number)
    for (;;) {
      if (stream.errored !== null && stream.errored !== undefined) throw stream.errored
      const waiting = Math.min(stream.readableLength, SERVICE_CHUNK_BYTES_MAX)
      const chunk = (waiting > 0 ? stream.read(waiting) : stream.read()) as Uint8Array | null
      if (chunk !== null) return new Uint8Array(chunk).toBase64()
      if (stream.readableEnded || stream.destroyed) {
        if (!("write" in stream) || stream.destroyed) this.#held.delete(number)
        return null
      }
      await somethingHappens(stream, signal)
    }
  }

  async #write(number: number, chunk: Uint8Array): Promise<undefined> {
    const stream = this.#stream(number)
    if (!("write" in stream)) throw new TypeError(`stream ${number} is only read`)
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    stream.write(chunk, (error) => (error == null ? resolve(undefined) : reject(error)))
    return promise
  }
}

async function somethingHappens(stream: Readable, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const names = ["readable", "end", "close", "error"] as const
  const go = () => resolve()
  const abort = () => reject(signal.reason as Error)
  for (const name of names) stream.once(name, go)
  signal.addEventListener("abort", abort, { once: true })
  try {
    await promise
  } finally {
    for (const name of names) stream.off(name, go)
    signal.removeEventListener("abort", abort)
  }
}
