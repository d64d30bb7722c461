import { MQTT_SESSIONS_MAX, MQTT_SESSIONS_PER_PRINCIPAL_MAX } from "../../base/limits.ts"
import type { Log } from "../../ports/log.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { messageOf } from "../../base/errors.ts"
import { restoredOutgoing, type RetainedRecord, type SessionRecord, type SubscriptionRecord } from "./records.ts"
import { type Holder, Session, type Outgoing, type QueueBudget } from "./session.ts"
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
  /** Of those who have sessions. */
  readonly #holders = new Map<string, Holder>()
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
      const { owner = "" } = value as Partial<SessionRecord>
      const session = this.#sessions.get(clientId) ?? this.#put(this.#make(clientId, true, this.#holderOf(owner)))
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
   * @param owner name of the principal that the client is
   * @returns null if there are too many sessions already, of all or of this principal
   */
  async open(clientId: string, clean: boolean, owner: string): Promise<{ session: Session; present: boolean } | null> {
    const known = this.#sessions.get(clientId)
    if (known === undefined && this.#sessions.size >= MQTT_SESSIONS_MAX) return null
    const holder = this.#holderOf(owner)
    if (known?.holder !== holder && holder.sessions >= MQTT_SESSIONS_PER_PRINCIPAL_MAX) return null
    if (known !== undefined && known.persistent && !clean) {
      this.#pass(known, holder)
      return { session: known, present: true }
    }
    known?.end()
    const changes = known?.persistent ? this.#everythingOf(clientId) : []
    const session = this.#put(this.#make(clientId, !clean, holder))
    if (!clean) changes.push(this.#recordOf(session))
    if (changes.length > 0) await this.write(changes)
    return { session, present: false }
  }

  /** The client of a session that is not kept has gone. */
  close(session: Session): void {
    if (session.persistent) return
    session.end()
    if (this.#sessions.get(session.clientId) !== session) return
    this.#sessions.delete(session.clientId)
    this.#release(session.holder)
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
      changes.push(this.#recordOf(session))
    }
    this.#progress.clear()
    if (changes.length === 0) return
    const written = this.#store.write(changes, { reserve: true }).catch((error: unknown) => {
      // Nothing was promised on these: a message may be delivered again. A store that failed stops the agent by itself.
      this.#log.error("MQTT sessions could not be written", { error: messageOf(error) })
    })
    this.#flushing = Promise.all([this.#flushing, written]).then(() => undefined)
  }

  #make(clientId: string, persistent: boolean, holder: Holder): Session {
    return new Session(clientId, persistent, this.#budget, holder)
  }

  #put(session: Session): Session {
    const before = this.#sessions.get(session.clientId)
    this.#sessions.set(session.clientId, session)
    session.holder.sessions++
    if (before !== undefined) this.#release(before.holder)
    return session
  }

  #pass(session: Session, holder: Holder): void {
    const before = session.holder
    if (before === holder) return
    session.passTo(holder)
    holder.sessions++
    this.#release(before)
    // Whose it is counts again after a restart.
    this.progressed(session)
  }

  /** Only with a session of theirs at hand, so that there are no more holders than sessions. */
  #holderOf(name: string): Holder {
    const known = this.#holders.get(name)
    if (known !== undefined) return known
    const holder: Holder = { name, sessions: 0, queuedBytes: 0 }
    this.#holders.set(name, holder)
    return holder
  }

  #release(holder: Holder): void {
    if (--holder.sessions === 0) this.#holders.delete(holder.name)
  }

  #recordOf({ clientId, sentSeq, holder }: Session): Change {
    const value = { v: 1, sentSeq, owner: holder.name } satisfies SessionRecord
    return { put: TABLE.mqttSession, key: [clientId], value }
  }

  #everythingOf(clientId: string): Change[] {
    return [TABLE.mqttSession, TABLE.mqttOutgoing, TABLE.mqttIncoming].flatMap((table) =>
      Array.from(this.#store.range(table, { prefix: [clientId] }), ({ key }): Change => ({ remove: table, key })),
    )
  }
}
