import { Readable } from "node:stream"
import { topicMatches } from "../../base/topic.ts"
import type { Change, Entry, Key, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"

/** A packet as aedes hands it over: fields by name, of which some are absent. */
export type StoredPacket = Record<string, unknown> & { topic?: string; payload?: Uint8Array | string }
interface ClientRef {
  readonly id: string
}
interface Subscription {
  readonly topic: string
  readonly qos: number
}

/**
 * The persistence that aedes asks for, in our Store: the contract of the package aedes-persistence.
 * Stateless; it reads and writes the records of records.ts, which the message plane reads and writes directly.
 */
export class StorePersistence {
  broker: { id: string } = { id: "" }
  readonly #store: Store
  readonly #nextSeq: () => number

  /** @param nextSeq gives the next place in the outgoing queues, higher each time */
  constructor(store: Store, nextSeq: () => number) {
    this.#store = store
    this.#nextSeq = nextSeq
  }

  async setup(broker: { id: string }): Promise<void> {
    this.broker = broker
  }

  async destroy(): Promise<void> {}

  async storeRetained(packet: StoredPacket): Promise<void> {
    const key = [packet.topic!]
    await this.#store.write([
      packet.payload!.length === 0
        ? { remove: TABLE.mqttRetained, key }
        : { put: TABLE.mqttRetained, key, value: record(packet) },
    ])
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return Readable.from(
      this.#all(TABLE.mqttRetained, ({ key }) => patterns.some((pattern) => topicMatches(pattern, key[0] as string))),
    )
  }

  async addSubscriptions(client: ClientRef, subscriptions: readonly Subscription[]): Promise<void> {
    await this.#store.write(
      subscriptions.map(({ topic, ...options }) => {
        return { put: TABLE.mqttSession, key: [client.id, topic], value: record(options) }
      }),
    )
  }

  async removeSubscriptions(client: ClientRef, topics: readonly string[]): Promise<void> {
    await this.#store.write(topics.map((topic) => ({ remove: TABLE.mqttSession, key: [client.id, topic] })))
  }

  async subscriptionsByClient(client: ClientRef): Promise<Subscription[]> {
    return this.#subscriptions([client.id]).map(({ key, value }) => {
      return { topic: key[1] as string, ...(packetOf(value) as { qos: number }) }
    })
  }

  /** Those above QoS 0, wider filters first. */
  async subscriptionsByTopic(topic: string): Promise<(Subscription & { clientId: string })[]> {
    return this.#subscriptions()
      .reverse()
      .map(({ key, value }) => {
        return { clientId: key[0] as string, topic: key[1] as string, ...(packetOf(value) as { qos: number }) }
      })
      .filter((subscription) => subscription.qos > 0 && topicMatches(subscription.topic, topic))
  }

  async cleanSubscriptions(client: ClientRef): Promise<void> {
    await this.#removeAll(TABLE.mqttSession, [client.id])
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const all = this.#subscriptions()
    return {
      subsCount: all.filter(({ value }) => (value as Subscription).qos > 0).length,
      clientsCount: new Set(all.map(({ key }) => key[0])).size,
    }
  }

  getClientList(topic: string): Readable {
    return Readable.from(
      this.#subscriptions()
        .filter(({ key }) => key[1] === topic)
        .map(({ key }) => key[0]),
    )
  }

  outgoingEnqueue(subscription: { clientId: string }, packet: StoredPacket): Promise<void> {
    return this.outgoingEnqueueCombi([subscription], packet)
  }

  async outgoingEnqueueCombi(subscriptions: readonly { clientId: string }[], packet: StoredPacket): Promise<void> {
    const { messageId: _, length: __, ...queued } = packet
    await this.#store.write(
      subscriptions.map(({ clientId }) => {
        return { put: TABLE.mqttOutgoing, key: [clientId, this.#nextSeq()], value: record(queued) }
      }),
    )
  }

  /** A packet got its identifier, or its PUBREL takes its place. */
  async outgoingUpdate(client: ClientRef, packet: StoredPacket): Promise<void> {
    for (const { key, value } of this.#store.range(TABLE.mqttOutgoing, { prefix: [client.id] })) {
      const queued = value as StoredPacket
      const same = queued["brokerId"] === packet["brokerId"]
      if (same && queued["brokerCounter"] !== packet["brokerCounter"]) continue
      if (!same && queued["messageId"] !== packet["messageId"]) continue
      const next = same ? { ...queued, messageId: packet["messageId"] } : packet
      await this.#store.write([{ put: TABLE.mqttOutgoing, key, value: record(next) }])
      return
    }
    throw new Error("no such packet")
  }

  async outgoingClearMessageId(client: ClientRef, packet: StoredPacket): Promise<StoredPacket | undefined> {
    for (const { key, value } of this.#store.range(TABLE.mqttOutgoing, { prefix: [client.id] })) {
      if ((value as StoredPacket)["messageId"] !== packet["messageId"]) continue
      await this.#store.write([{ remove: TABLE.mqttOutgoing, key }])
      return outgoingOf(value)
    }
    return undefined
  }

  outgoingStream(client: ClientRef): Readable {
    const queued = Array.from(this.#store.range(TABLE.mqttOutgoing, { prefix: [client.id] }))
    return Readable.from(queued.map(({ value }) => outgoingOf(value)))
  }

  async incomingStorePacket(client: ClientRef, packet: StoredPacket): Promise<void> {
    const key = [client.id, packet["messageId"] as number]
    const { length: _, ...kept } = packet
    await this.#store.write([{ put: TABLE.mqttIncoming, key, value: record(kept) }])
  }

  async incomingGetPacket(client: ClientRef, packet: StoredPacket): Promise<StoredPacket> {
    const value = this.#store.get(TABLE.mqttIncoming, [client.id, packet["messageId"] as number])
    if (value === undefined) throw new Error("no such packet")
    return packetOf(value)
  }

  async incomingDelPacket(client: ClientRef, packet: StoredPacket): Promise<void> {
    await this.incomingGetPacket(client, packet)
    await this.#store.write([{ remove: TABLE.mqttIncoming, key: [client.id, packet["messageId"] as number] }])
  }

  async cleanIncoming(client: ClientRef): Promise<void> {
    await this.#removeAll(TABLE.mqttIncoming, [client.id])
  }

  async putWill(client: ClientRef, packet: StoredPacket): Promise<void> {
    packet["brokerId"] = this.broker.id
    packet["clientId"] = client.id
    await this.#store.write([{ put: TABLE.mqttWill, key: [client.id], value: record(packet) }])
  }

  async getWill(client: ClientRef): Promise<StoredPacket | undefined> {
    const value = this.#store.get(TABLE.mqttWill, [client.id])
    return value === undefined ? undefined : packetOf(value)
  }

  async delWill(client: ClientRef): Promise<StoredPacket | undefined> {
    const will = await this.getWill(client)
    if (will !== undefined) await this.#store.write([{ remove: TABLE.mqttWill, key: [client.id] }])
    return will
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from(
      this.#all(TABLE.mqttWill, ({ value }) => brokers[(value as StoredPacket)["brokerId"] as string] === undefined),
    )
  }

  #subscriptions(prefix: Key = []): Entry[] {
    return Array.from(this.#store.range(TABLE.mqttSession, { prefix })).filter(({ key }) => key.length === 2)
  }

  *#all(table: string, fits: (entry: Entry) => boolean): Generator<StoredPacket> {
    for (const entry of this.#store.range(table)) if (fits(entry)) yield packetOf(entry.value)
  }

  async #removeAll(table: string, prefix: Key): Promise<void> {
    const changes = Array.from(this.#store.range(table, { prefix }), ({ key }): Change => ({ remove: table, key }))
    if (changes.length > 0) await this.#store.write(changes)
  }
}

/** Without what is absent: a store need not tell undefined from missing. */
function record(packet: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...Object.fromEntries(Object.entries(packet).filter(([, value]) => value !== undefined)), v: 1 }
}

function packetOf(value: unknown): StoredPacket {
  const { v: _, ...packet } = value as StoredPacket
  const { payload } = packet
  if (payload instanceof Uint8Array)
    packet["payload"] = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  return packet
}

/** aedes reads these fields of a queued PUBLISH even where they were not given. */
function outgoingOf(value: unknown): StoredPacket {
  const packet = packetOf(value)
  return packet["cmd"] === "pubrel" ? packet : { dup: false, ...packet, messageId: packet["messageId"] }
}
