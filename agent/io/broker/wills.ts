import { messageOf } from "../../base/errors.ts"
import { MQTT_WILLS_MAX } from "../../base/limits.ts"
import type { Message, Principal } from "../../ports/broker.ts"
import type { Log } from "../../ports/log.ts"
import type { Key, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import type { Connection } from "./connection.ts"
import { InOrder } from "./in-order.ts"
import type { WillRecord } from "./records.ts"

/** Publishes a will as its client would, if these rights allow it. */
export type PublishWill = (clientId: string, principal: Principal, will: Message, turns: InOrder) => Promise<void>

/**
 * Last Wills, from CONNECT until they are published or taken back: all that time they are in the store. While the
 * broker holds its publishers they wait, in the order of their connections' ends; what waits at a stop is published at
 * the next start. Each connection's will has a record of its own: a client that is back already has another.
 * @see docs/spec/broker.md#wills
 */
export class Wills {
  readonly #store: Store
  readonly #publish: PublishWill
  readonly #log: Log
  readonly #keys = new Map<Connection, Key>()
  /** Bounded by MQTT_WILLS_MAX, as their records are. */
  #waiting: Key[] = []
  #seq = 0
  #count = 0
  #stopping = false

  constructor(store: Store, publish: PublishWill, log: Log) {
    this.#store = store
    this.#publish = publish
    this.#log = log
  }

  /** At CONNECT. Durable when it resolves. @returns false where there are too many, or the client has gone meanwhile */
  async keep(connection: Connection, { topic, payload, qos, retain }: Message): Promise<boolean> {
    if (this.#count >= MQTT_WILLS_MAX) return false
    this.#count++
    const { session, rights } = connection.admission!
    const key = [session.clientId, ++this.#seq]
    const { name, publish, subscribe } = rights.principal
    const principal = { name, publish, subscribe }
    const value = { v: 1, clientId: session.clientId, topic, payload, qos, retain, principal } satisfies WillRecord
    try {
      await this.#store.write([{ put: TABLE.mqttWill, key, value }])
    } catch (error) {
      this.#count--
      throw error
    }
    if (connection.closed) {
      await this.#remove(key)
      return false
    }
    this.#keys.set(connection, key)
    return true
  }

  /** The client said goodbye. */
  forget(connection: Connection): void {
    const key = this.#take(connection)
    if (key !== null) this.#remove(key).catch((error: unknown) => this.#notWritten(error))
  }

  /** The connection ended in any other way. @param holding whether publishers are held: then the will waits too */
  over(connection: Connection, holding: boolean): void {
    const key = this.#take(connection)
    if (key === null || this.#stopping) return
    if (connection.revoked) void this.#remove(key).catch((error: unknown) => this.#notWritten(error))
    else if (holding) this.#waiting.push(key)
    else void this.#fire(key, connection.admission!.rights.principal, connection.turns)
  }

  /**
   * At the start, those that the last run left; while the broker holds they wait. They are asked for in order before
   * this returns, and nobody waits for their end: on a full disk that may be long.
   */
  start(holding: boolean): void {
    const left = Array.from(this.#store.range(TABLE.mqttWill), ({ key }) => key)
    this.#count = left.length
    this.#seq = Math.max(0, ...left.map(([, seq]) => Number(seq ?? 0)))
    this.#waiting = left
    if (!holding) void this.release()
  }

  /** Publishers go on, and so do the wills. */
  async release(): Promise<void> {
    const turns = new InOrder()
    await Promise.all(this.#waiting.splice(0).map((key) => this.#fire(key, null, turns)))
  }

  /** What is left from here on is for the next start. */
  stop(): void {
    this.#stopping = true
  }

  /** One that cannot be published stays for the next start. @param principal null for the rights it was set with */
  async #fire(key: Key, principal: Principal | null, turns: InOrder): Promise<void> {
    const clientId = String(key[0])
    let topic: string | null = null
    try {
      const will = this.#store.get(TABLE.mqttWill, key) as WillRecord
      topic = will.topic
      await this.#publish(clientId, principal ?? will.principal ?? NOBODY, will, turns)
      await this.#remove(key)
    } catch (error) {
      this.#log.error("a will could not be published", { clientId, topic, error: messageOf(error) })
    }
  }

  #take(connection: Connection): Key | null {
    const key = this.#keys.get(connection) ?? null
    this.#keys.delete(connection)
    return key
  }

  async #remove(key: Key): Promise<void> {
    this.#count--
    await this.#store.write([{ remove: TABLE.mqttWill, key }])
  }

  #notWritten(error: unknown): void {
    this.#log.error("a will that is no longer wanted stays in the store", { error: messageOf(error) })
  }
}

const NOBODY: Principal = { name: "", publish: [], subscribe: [] }
