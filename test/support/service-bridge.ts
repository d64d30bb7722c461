import type { ServiceBridge, WebhookRequest, WebhookResponse } from "../../agent/ports/service-host.ts"
import { topicMatches } from "../../agent/base/topic.ts"
import type { Json } from "../../agent/schema/json.ts"

type Handler = Parameters<ServiceBridge["subscribe"]>[1]

/** A bridge that keeps what a service did, in memory: events, log lines, store, and a broker of its own. */
export class RecordingBridge implements ServiceBridge {
  readonly events: { event: string; data: Json; id: string | undefined }[] = []
  readonly lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  readonly stored = new Map<string, Json>()
  readonly published: { topic: string; payload: Uint8Array; qos: 0 | 1 | 2; retain: boolean }[] = []
  readonly subscriptions = new Map<Handler, string>()
  readonly webhooks = new Map<string, (request: WebhookRequest) => Promise<WebhookResponse>>()
  readonly ends: { code: string; message: string }[] = []
  /** Set to make the next emits fail. */
  refuse: Error | null = null
  readonly #waiting = new Set<() => void>()

  async emit(event: string, data: Json, id?: string): Promise<void> {
    if (this.refuse !== null) throw this.refuse
    this.events.push({ event, data, id })
    this.#changed()
  }

  log(level: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level, message, fields })
    this.#changed()
  }

  storeGet(key: string): Json | undefined {
    return this.stored.get(key)
  }

  async storeSet(key: string, value: Json | undefined): Promise<void> {
    if (value === undefined) this.stored.delete(key)
    else this.stored.set(key, value)
    this.#changed()
  }

  async publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1 | 2; retain: boolean }): Promise<void> {
    this.published.push({ topic, payload, ...options })
    await this.deliver(topic, payload, options.qos)
    this.#changed()
  }

  subscribe(filter: string, handler: Handler, _event: string | null): () => void {
    this.subscriptions.set(handler, filter)
    return () => this.subscriptions.delete(handler)
  }

  webhook(path: string, handler: (request: WebhookRequest) => Promise<WebhookResponse>): () => void {
    this.webhooks.set(path, handler)
    return () => this.webhooks.delete(path)
  }

  ended(reason: { code: string; message: string }): void {
    this.ends.push(reason)
    this.#changed()
  }

  /** As if a client had published it. */
  async deliver(topic: string, payload: Uint8Array, qos: 0 | 1 | 2 = 1, retained = false): Promise<void> {
    for (const [handler, filter] of this.subscriptions) {
      if (topicMatches(filter, topic)) await handler(topic, payload, { qos, retained })
    }
  }

  /** Resolves as soon as the condition holds, looked at again after each thing the service does. */
  async until(holds: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
    if (holds()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = () => holds() && resolve()
    const timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs)
    this.#waiting.add(look)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(look)
    }
  }

  #changed(): void {
    for (const look of this.#waiting) look()
  }
}
