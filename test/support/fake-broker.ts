import { topicMatches } from "../../agent/base/topic.ts"
import type { Broker, IncomingMessage, Message, MessageHandler, Reserved, Sender } from "../../agent/ports/broker.ts"
import type { Change } from "../../agent/ports/store.ts"

const SENDER: Sender = { clientId: "test", principal: { name: "test", publish: ["#"], subscribe: ["#"] } }

/** A Broker with no network: what the agent says is kept, what clients say is said by `say`. */
export class FakeBroker implements Broker {
  readonly published: Message[] = []
  readonly #retained = new Map<string, Message>()
  readonly #handlers = new Set<{ filter: string; handler: MessageHandler }>()
  readonly #reserved = new Set<Reserved>()
  /** Filters that somebody outside subscribed to. */
  readonly subscribed = new Set<string>()

  async publish(message: Message): Promise<void> {
    this.published.push(message)
    if (!message.retain) return
    if (message.payload.length === 0) this.#retained.delete(message.topic)
    else this.#retained.set(message.topic, message)
  }

  /** A client publishes; resolves when it would be acknowledged. */
  async say(
    topic: string,
    payload: unknown,
    options: { qos?: 0 | 1 | 2; retain?: boolean; changes?: readonly Change[]; from?: Sender } = {},
  ) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload)
    const message = {
      topic,
      payload: new TextEncoder().encode(text),
      qos: options.qos ?? 1,
      retain: options.retain ?? false,
    }
    for (const { filter, except, refused } of this.#reserved) {
      if (!topicMatches(filter, topic) || except.some((free) => topicMatches(free, topic))) continue
      return refused(topic, options.from ?? SENDER)
    }
    if (message.retain) this.#retained.set(topic, message)
    const handlers = [...this.#handlers].filter(({ filter }) => topicMatches(filter, topic))
    await Promise.all(
      handlers.map(async ({ handler }) => handler(this.#incoming(message, false, options.changes ?? []))),
    )
  }

  subscribe(filter: string, handler: MessageHandler): () => void {
    const entry = { filter, handler }
    this.#handlers.add(entry)
    for (const message of this.retained(filter)) void handler(this.#incoming(message, true, []))
    return () => this.#handlers.delete(entry)
  }

  #incoming(message: Message, replayed: boolean, changes: readonly Change[]): IncomingMessage {
    return { ...message, from: SENDER, replayed, takeChanges: () => changes }
  }

  reserve(reserved: Reserved): () => void {
    this.#reserved.add(reserved)
    return () => this.#reserved.delete(reserved)
  }

  *retained(filter: string): Iterable<Message> {
    for (const message of this.#retained.values()) if (topicMatches(filter, message.topic)) yield message
  }

  wanted(topic: string): boolean {
    return [...this.subscribed].some((filter) => topicMatches(filter, topic))
  }

  attended(topic: string, prefix: string): boolean {
    return [...this.subscribed].some((filter) => filter.startsWith(prefix) && topicMatches(filter, topic))
  }

  /** Ids of the clients that are connected. */
  readonly connected = new Set<string>()

  clients() {
    return [...this.connected].map((clientId) => {
      return { clientId, principal: "test", transport: "tcp", connectedSinceMs: 0 }
    })
  }

  async recheck(): Promise<void> {}

  holding = false

  hold(holding: boolean): void {
    this.holding = holding
  }
}
