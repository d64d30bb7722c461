import { MQTT_SESSIONS_MAX } from "../../base/limits.ts"
import type { Log } from "../../ports/log.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { messageOf } from "../../base/errors.ts"
import { restoredOutgoing, type RetainedRecord, type SessionRecord, type SubscriptionRecord } from "./records.ts"
import { Session, type Outgoing, type QueueBudget } from "./session.ts"
import type { Qos } from "./wire.ts"

/**
 * All sessions, in memory, and their changes on their way to the store.
 * What a client or publisher must be able to trust is written before it is told (`write`); what only saves work after a
 * restart (an acknowledged message is gone, how far the sending got) is written soon after, many at once (`later`).
 */
export class SessionStore {
  readonly #store: Store
  readonly #log: Log
  readonly #sessions = new Map<string, Session>()
  readonly #budget: QueueBudget = { bytes: 0 }
  #seq = 0
  #later: Change[] = []
  #progress = new Set<Session>()
  #scheduled = false
  #flushing: Promise<void> = Promise.resolve()

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  /** Reads what the last run left. */
  load(): void {
    for (const { key, value } of this.#store.range(TABLE.mqttSession)) {
      const [clientId, filter] = key as [string, string?]
      const session = this.#sessions.get(clientId) ?? this.#put(new Session(clientId, true, this.#budget))
      if (filter === undefined) session.sentSeq = (value as SessionRecord).sentSeq
      else session.subscriptions.set(filter, (value as SubscriptionRecord).qos)
      this.#seq = Math.max(this.#seq, session.sentSeq)
    }
    for (const entry of this.#store.range(TABLE.mqttOutgoing)) {
      const clientId = entry.key[0] as string
      this.#seq = Math.max(this.#seq, entry.key[1] as number)
      const restored = restoredOutgoing(entry)
      if (restored !== null) this.#sessions.get(clientId)?.restore(restored)
    }
    for (const { key } of this.#store.range(TABLE.mqttIncoming))
      this.#sessions.get(key[0] as string)?.unreleased.set(key[1] as number, null)
  }

  retained(): RetainedRecord[] {
    return Array.from(this.#store.range(TABLE.mqttRetained), ({ value }) => value as RetainedRecord)
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId)
  }

  all(): Iterable<Session> {
    return this.#sessions.values()
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Bytes queued for all clients. */
  get queuedBytes(): number {
    return this.#budget.bytes
  }

  nextSeq(): number {
    return ++this.#seq
  }

  /**
   * The session of a client that connects: the kept one, or a new one.
   * Durable when it resolves [MQTT-3.1.2-4, 3.1.2-6].
   * @returns null if there are too many sessions already
   */
  async open(clientId: string, clean: boolean): Promise<{ session: Session; present: boolean } | null> {
    const known = this.#sessions.get(clientId)
    if (known !== undefined && known.persistent && !clean) return { session: known, present: true }
    if (known === undefined && this.#sessions.size >= MQTT_SESSIONS_MAX) return null
    known?.end()
    const changes = known?.persistent ? this.#everythingOf(clientId) : []
    const session = this.#put(new Session(clientId, !clean, this.#budget))
    if (!clean) changes.push({ put: TABLE.mqttSession, key: [clientId], value: { v: 1, sentSeq: 0 } })
    if (changes.length > 0) await this.write(changes)
    return { session, present: false }
  }

  /** The client of a session that is not kept has gone. */
  close(session: Session): void {
    if (session.persistent) return
    session.end()
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId)
  }

  async subscribed(session: Session, granted: ReadonlyMap<string, Qos>): Promise<void> {
    if (!session.persistent || granted.size === 0) return
    await this.write(
      Array.from(granted, ([filter, qos]): Change => {
        return { put: TABLE.mqttSession, key: [session.clientId, filter], value: { v: 1, qos } }
      }),
    )
  }

  async unsubscribed(session: Session, filters: readonly string[]): Promise<void> {
    if (!session.persistent || filters.length === 0) return
    await this.write(filters.map((filter) => ({ remove: TABLE.mqttSession, key: [session.clientId, filter] })))
  }

  /** The client has the message: it need not be kept. */
  delivered(session: Session, item: Outgoing): void {
    if (session.persistent && item.seq > 0)
      this.later({ remove: TABLE.mqttOutgoing, key: [session.clientId, item.seq] })
  }

  /** A PUBREL may only be sent when it is certain that the PUBLISH is never sent again [MQTT-4.3.3-1]. */
  async released(session: Session, item: Outgoing): Promise<void> {
    if (!session.persistent) return
    const value = { v: 1, cmd: "pubrel", messageId: item.packetId }
    await this.write([{ put: TABLE.mqttOutgoing, key: [session.clientId, item.seq], value }])
  }

  /** A PUBCOMP may only be sent when the identifier is certainly free: the client will use it for another message. */
  async freed(session: Session, packetId: number): Promise<void> {
    if (session.persistent) await this.write([{ remove: TABLE.mqttIncoming, key: [session.clientId, packetId] }])
  }

  /** How far the sending got: a repeat after a restart is marked as one [MQTT-3.3.1-1]. */
  progressed(session: Session): void {
    if (!session.persistent) return
    this.#progress.add(session)
    this.#schedule()
  }

  /** @param reserve it finishes what was accepted */
  write(changes: readonly Change[], reserve = false): Promise<void> {
    return this.#store.write(changes, { reserve })
  }

  later(change: Change): void {
    this.#later.push(change)
    this.#schedule()
  }

  /** Resolves when everything asked for so far was written. */
  async flush(): Promise<void> {
    this.#writeLater()
    await this.#flushing
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#writeLater())
  }

  #writeLater(): void {
    this.#scheduled = false
    const changes = this.#later
    this.#later = []
    for (const session of this.#progress) {
      if (this.#sessions.get(session.clientId) !== session) continue
      changes.push({ put: TABLE.mqttSession, key: [session.clientId], value: { v: 1, sentSeq: session.sentSeq } })
    }
    this.#progress.clear()
    if (changes.length === 0) return
    const written = this.#store.write(changes, { reserve: true }).catch((error: unknown) => {
      // Nothing was promised on these: a message may be delivered again. A store that failed stops the agent by itself.
      this.#log.error("MQTT sessions could not be written", { error: messageOf(error) })
    })
    this.#flushing = Promise.all([this.#flushing, written]).then(() => undefined)
  }

  #put(session: Session): Session {
    this.#sessions.set(session.clientId, session)
    return session
  }

  #everythingOf(clientId: string): Change[] {
    return [TABLE.mqttSession, TABLE.mqttOutgoing, TABLE.mqttIncoming].flatMap((table) =>
      Array.from(this.#store.range(table, { prefix: [clientId] }), ({ key }): Change => ({ remove: table, key })),
    )
  }
}
