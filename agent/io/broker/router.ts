import type { Soon } from "../../base/soon.ts"
import { messageOf } from "../../base/errors.ts"
import {
  FAILURES_LOGGED_PER_S_MAX,
  MQTT_HANDLERS_RUNNING_MAX,
  MQTT_QUEUED_BYTES_MAX,
  MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX,
} from "../../base/limits.ts"
import { LineQuota } from "../../base/line-quota.ts"
import { topicMatches } from "../../base/topic.ts"
import type { MessageHandler, Reserved } from "../../ports/broker.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log } from "../../ports/log.ts"
import type { Metrics } from "../../ports/metrics.ts"
import type { Change } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import type { Counters } from "./counters.ts"
import { Incoming, type Publication, type Publisher } from "./publication.ts"
import { outgoingRecord, type RetainedRecord } from "./records.ts"
import type { Retained } from "./retained.ts"
import type { Route } from "./route.ts"
import type { SessionStore } from "./session-store.ts"
import type { Outgoing, Session } from "./session.ts"
import { SubscriptionIndex } from "./subscription-index.ts"
import { type Topic, Topics } from "./topics.ts"
import type { Qos } from "./wire.ts"

export interface RouterBounds {
  readonly queuedMessagesMax: number
  readonly queuedBytesMax: number
}

/** A message that was accepted, with its places in the queues. */
export interface Accepted {
  readonly publication: Publication
  /** Name of the principal who published it. */
  readonly owner: string
  readonly route: Route
  readonly places: ReadonlyMap<Session, Outgoing | null>
}

/** Takes messages in, and hands them on. @see docs/spec/broker.md#messages */
export class Router {
  readonly topics = new Topics<Route>()
  readonly #subscriptions = new SubscriptionIndex<Session>()
  readonly #agent = new Map<MessageHandler, string>()
  readonly #reserved = new Set<Reserved>()
  readonly #retained: Retained
  readonly #sessions: SessionStore
  readonly #bounds: RouterBounds
  readonly #counters: Counters
  readonly #metrics: Metrics
  readonly #log: Log
  readonly #failures: LineQuota
  #version = 0
  readonly #relieved: () => void
  #running = 0

  constructor(parts: {
    retained: Retained
    sessions: SessionStore
    bounds: RouterBounds
    counters: Counters
    metrics: Metrics
    clock: Clock
    log: Log
    /** Called when handlers have caught up after `saturated`. */
    relieved: () => void
  }) {
    this.#retained = parts.retained
    this.#sessions = parts.sessions
    this.#bounds = parts.bounds
    this.#counters = parts.counters
    this.#metrics = parts.metrics
    this.#log = parts.log
    const count = (leftOut: number) => parts.log.warn("more QoS 0 messages could not be handled", { count: leftOut })
    this.#failures = new LineQuota(FAILURES_LOGGED_PER_S_MAX, () => parts.clock.elapsed(), count)
    this.#relieved = parts.relieved
  }

  get subscriptionCount(): number {
    return this.#subscriptions.count
  }

  /** Whether so many handlers run that no more QoS 0 messages should be read. */
  get saturated(): boolean {
    return this.#running >= MQTT_HANDLERS_RUNNING_MAX
  }

  /** Rights or sessions changed: what was remembered about receivers is void. */
  changed(): void {
    this.#version++
  }

  subscribe(session: Session, filter: string, qos: Qos): void {
    session.subscriptions.set(filter, qos)
    this.#subscriptions.add(filter, session, qos)
    this.#version++
  }

  unsubscribe(session: Session, filter: string): void {
    if (!session.subscriptions.delete(filter)) return
    this.#subscriptions.remove(filter, session)
    this.#version++
  }

  /** The session ends: it receives nothing more. */
  forget(session: Session): void {
    for (const filter of session.subscriptions.keys()) this.#subscriptions.remove(filter, session)
    if (session.subscriptions.size > 0) this.#version++
    session.subscriptions.clear()
  }

  /** A kept session that was read from the store. */
  restore(session: Session): void {
    for (const [filter, qos] of session.subscriptions) this.#subscriptions.add(filter, session, qos)
    this.#version++
  }

  handle(filter: string, handler: MessageHandler): () => void {
    // Its own function each time, so that one handler may stand for several filters.
    const entry: MessageHandler = (message) => handler(message)
    this.#agent.set(entry, filter)
    this.#version++
    return () => {
      this.#agent.delete(entry)
      this.#version++
    }
  }

  reserve(reserved: Reserved): () => void {
    this.#reserved.add(reserved)
    this.#version++
    return () => {
      this.#reserved.delete(reserved)
      this.#version++
    }
  }

  route(topic: Topic<Route>): Route {
    if (topic.route !== null && topic.routeVersion === this.#version) return topic.route
    const sessions: Session[] = []
    const qos: Qos[] = []
    let durable = false
    for (const [session, granted] of this.#subscriptions.match(topic.name)) {
      // Rights at delivery: a session whose client has not come back yet is checked when it does.
      if (session.rights !== null && !session.rights.mayReceive(topic.name)) continue
      sessions.push(session)
      qos.push(granted as Qos)
      if (session.persistent && granted > 0) durable = true
    }
    const handlers: MessageHandler[] = []
    for (const [handler, filter] of this.#agent) if (topicMatches(filter, topic.name)) handlers.push(handler)
    topic.route = { sessions, qos, handlers, durable, reserved: this.#reservedFor(topic.name) }
    topic.routeVersion = this.#version
    return topic.route
  }

  #reservedFor(topic: string): Reserved | null {
    for (const reserved of this.#reserved) {
      const { filter, except } = reserved
      if (topicMatches(filter, topic) && !except.some((free) => topicMatches(free, topic))) return reserved
    }
    return null
  }

  /**
   * Makes a message ours: the agent's handlers have it and everything that must survive is written.
   * @returns at once if nothing needs to be waited for
   * @throws what a handler threw, or StoreError: the message is then not accepted, by anybody
   */
  accept(publication: Publication, from: Publisher, packetId: number): Soon<Accepted> {
    const route = this.route(publication.topic)
    const { qos, retain } = publication
    const remembers = qos === 2 && from.session?.persistent === true
    const queues = qos > 0 && route.durable
    const owner = from.principal.name
    const handled = from.session === null && from.clientId === "" ? [] : route.handlers
    if (!remembers && !queues && !retain && handled.length === 0)
      return { publication, owner, route, places: NO_PLACES }
    const places = queues ? this.#reserve(publication, route) : NO_PLACES
    const changes = this.#changesOf(publication, owner, places)
    if (remembers) changes.push(receivedChange(from.session!, packetId))
    const accepted = { publication, owner, route, places }
    const incoming = new Incoming(publication, { clientId: from.clientId, principal: from.principal }, changes)
    if (qos === 0) {
      for (const handler of handled) this.#run(handler, incoming)
      for (const change of incoming.remaining) this.#sessions.later(change)
      return accepted
    }
    return this.#settle(incoming, handled, places).then(() => accepted)
  }

  /** Hands an accepted message to its receivers. Messages of one publisher come here in their order [MQTT-4.6.0-6]. */
  deliver({ publication, owner, route, places }: Accepted): void {
    if (publication.retain) this.#keepRetained(publication, owner)
    const { sessions } = route
    for (let i = 0; i < sessions.length; i++) {
      const session = sessions[i]!
      const qos = Math.min(route.qos[i]!, publication.qos) as Qos
      const place = places.get(session)
      if (place !== undefined) {
        if (place !== null) session.enqueue(place)
      } else this.#offer(session, publication, qos, false)
    }
    if (publication.retain) this.#offerToNewcomers(publication, route)
  }

  /** Who subscribed while the message was written looked for what is retained before it was. */
  #offerToNewcomers(publication: Publication, accepted: Route): void {
    const now = this.route(publication.topic)
    if (now === accepted || publication.payload.length === 0) return
    for (const [i, session] of now.sessions.entries())
      if (!accepted.sessions.includes(session)) this.offerRetained(session, publication, now.qos[i]!)
  }

  /** A QoS 0 packet that nobody must wait for and nobody keeps: the bytes that came in go out. */
  forward(route: Route, bytes: Buffer, start: number, end: number): void {
    const { sessions } = route
    for (let i = 0; i < sessions.length; i++) {
      const receiver = sessions[i]!.receiver
      if (receiver === null) continue
      if (receiver.roomy) receiver.sendPacket(bytes, start, end)
      else this.#dropped("slow")
    }
  }

  /** One message for one session: a retained one after SUBSCRIBE. */
  offerRetained(session: Session, publication: Publication, granted: Qos): void {
    this.#offer(session, publication, Math.min(granted, publication.qos) as Qos, true)
  }

  #offer(session: Session, publication: Publication, qos: Qos, retain: boolean): void {
    if (qos === 0) {
      const receiver = session.receiver
      if (receiver === null) return
      if (receiver.roomy) receiver.sendPublish(publication.plain, 0, 0, retain, false)
      else this.#dropped("slow")
      return
    }
    const place = this.#place(session, publication, qos, retain)
    if (place === null) return
    if (place.seq > 0) this.#sessions.later(outgoingChange(session, publication, place))
    session.enqueue(place)
  }

  #reserve(publication: Publication, route: Route): Map<Session, Outgoing | null> {
    const places = new Map<Session, Outgoing | null>()
    for (let i = 0; i < route.sessions.length; i++) {
      const session = route.sessions[i]!
      const qos = Math.min(route.qos[i]!, publication.qos)
      if (session.persistent && qos > 0) places.set(session, this.#place(session, publication, qos as 1 | 2, false))
    }
    return places
  }

  /** @returns null where the queue is full: the newest message is the one that does not fit, and is counted */
  #place(session: Session, publication: Publication, qos: 1 | 2, retain: boolean): Outgoing | null {
    const frame = session.receiver === null ? publication.lasting : publication.identified
    const full =
      session.queuedCount >= this.#bounds.queuedMessagesMax ||
      session.queuedBytes + frame.bytes.length > this.#bounds.queuedBytesMax ||
      session.holder.queuedBytes > MQTT_QUEUED_BYTES_PER_PRINCIPAL_MAX ||
      this.#sessions.queuedBytes > MQTT_QUEUED_BYTES_MAX
    const message = { topic: publication.topic.name, frame, retain }
    const seq = session.persistent ? this.#sessions.nextSeq() : 0
    const place = full ? null : session.reserve(message, qos, seq)
    if (place === null) this.#dropped("full")
    return place
  }

  #changesOf(publication: Publication, owner: string, places: ReadonlyMap<Session, Outgoing | null>): Change[] {
    const changes: Change[] = []
    for (const [session, place] of places) if (place !== null) changes.push(outgoingChange(session, publication, place))
    if (publication.retain) {
      const { topic, payload, qos } = publication
      const key = [topic.name]
      if (payload.length === 0) changes.push({ remove: TABLE.mqttRetained, key })
      else if (this.#retained.hasRoom(topic.name, payload.length, owner)) {
        const value = { v: 1, topic: topic.name, payload, qos, owner } satisfies RetainedRecord
        changes.push({ put: TABLE.mqttRetained, key, value })
      }
    }
    return changes
  }

  async #settle(incoming: Incoming, handlers: readonly MessageHandler[], places: Accepted["places"]): Promise<void> {
    try {
      if (handlers.length === 1) await handlers[0]!(incoming)
      else if (handlers.length > 1) await Promise.all(handlers.map(async (handler) => handler(incoming)))
      // What the agent says itself belongs to what it has accepted: a task for a service, say.
      const reserve = incoming.from.clientId === ""
      if (incoming.remaining.length > 0) await this.#sessions.write(incoming.remaining, reserve)
    } catch (error) {
      for (const [session, place] of places) if (place !== null) session.forget(place)
      throw error
    }
  }

  /** Says what the log has left out. */
  tellLeftOut(): void {
    this.#failures.tellLeftOut()
  }

  /** A QoS 0 message has nobody to tell of a failure: it is counted and logged. */
  #run(handler: MessageHandler, incoming: Incoming): void {
    this.#running++
    void (async () => {
      try {
        await handler(incoming)
      } catch (error) {
        this.#metrics.count("mesg_mqtt_qos0_failed_total")
        if (this.#failures.allows())
          this.#log.warn("a QoS 0 message could not be handled", { topic: incoming.topic, error: messageOf(error) })
      } finally {
        this.#running--
        if (this.#running === MQTT_HANDLERS_RUNNING_MAX - 1) this.#relieved()
      }
    })()
  }

  #keepRetained({ topic: { name: topic }, payload, qos }: Publication, owner: string): void {
    if (payload.length === 0) this.#retained.remove(topic)
    else if (this.#retained.hasRoom(topic, payload.length, owner)) this.#retained.set({ topic, payload, qos, owner })
    else this.#dropped("retained-full")
  }

  #dropped(reason: "slow" | "full" | "retained-full"): void {
    this.#counters.publishDropped++
    this.#metrics.count("mesg_mqtt_dropped_total", 1, { reason })
  }
}

const NO_PLACES: ReadonlyMap<Session, Outgoing | null> = new Map()

function outgoingChange(session: Session, publication: Publication, place: Outgoing): Change {
  const message = { topic: publication.topic.name, payload: publication.payload, retain: place.retain }
  const value = outgoingRecord(message, place.qos, place.packetId)
  return { put: TABLE.mqttOutgoing, key: [session.clientId, place.seq], value }
}

function receivedChange(session: Session, packetId: number): Change {
  return { put: TABLE.mqttIncoming, key: [session.clientId, packetId], value: { v: 1, messageId: packetId } }
}
