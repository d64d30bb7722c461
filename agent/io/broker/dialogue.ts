import type { Soon } from "../../base/soon.ts"
import { messageOf } from "../../base/errors.ts"
import {
  MQTT_ACCEPTING_BYTES_PER_CLIENT_MAX,
  MQTT_ACCEPTING_PER_CLIENT_MAX,
  MQTT_INFLIGHT_PER_CLIENT_MAX,
  MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX,
  MQTT_UNRELEASED_PER_CLIENT_MAX,
} from "../../base/limits.ts"
import type { Reserved } from "../../ports/broker.ts"
import { malformed, notAllowed } from "./error.ts"
import type { Floor } from "./floor.ts"
import { InOrder } from "./in-order.ts"
import { ACCEPTING, HELD } from "./pause.ts"
import { Publication, type Publisher } from "./publication.ts"
import type { Rights } from "./rights.ts"
import type { Route } from "./route.ts"
import type { Accepted } from "./router.ts"
import type { Session } from "./session.ts"
import { checkFilter, type Topic } from "./topics.ts"
import * as wire from "./wire.ts"

/** The connection a dialogue runs over. */
export interface Speaker {
  readonly roomy: boolean
  readonly closed: boolean
  acknowledge(header: number, packetId: number): void
  send(bytes: Buffer): void
  sendPubrel(packetId: number): void
  /** @returns false, for the packet that could not be taken */
  pause(reason: number): false
  unpause(reason: number): void
  fail(error: unknown): void
}

/** What the packets of an admitted client do: messages, their acknowledgements, subscriptions. */
export class Dialogue {
  readonly session: Session
  readonly #floor: Floor
  readonly #speaker: Speaker
  /** Its acknowledgements and deliveries; the will comes after them. */
  readonly turns = new InOrder()
  #acceptingBytes = 0
  #rights: Rights
  #publisher: Publisher
  /** Retained messages that new subscriptions still get, as fast as the client takes them. */
  #retained: { messages: Iterator<Publication>; qos: wire.Qos }[] = []
  /** The topic last published to, and whether that is allowed: most clients stay with one. */
  #topic: Topic<Route> | null = null
  #topicAllowed = false

  constructor(floor: Floor, speaker: Speaker, { session, rights }: { session: Session; rights: Rights }) {
    this.#floor = floor
    this.#speaker = speaker
    this.session = session
    this.#rights = rights
    this.#publisher = { clientId: session.clientId, principal: rights.principal, session }
  }

  reconsider(rights: Rights): void {
    this.#rights = rights
    this.#publisher = { ...this.#publisher, principal: rights.principal }
    this.#topic = null
  }

  /** One packet that the guard let through. @returns false if it cannot be taken now @throws ProtocolError */
  packet(type: number, bytes: Buffer, start: number, body: number, end: number): boolean {
    if (type === wire.PUBLISH) return this.#publish(bytes, start, body, end)
    if (type === wire.SUBSCRIBE) this.#subscribe(bytes, body, end)
    else if (type === wire.UNSUBSCRIBE) this.#unsubscribe(bytes, body, end)
    else {
      const packetId = wire.readPacketId(bytes, body, end)
      if (type === wire.PUBACK) this.#acknowledged(packetId)
      else if (type === wire.PUBREC) this.#received(packetId)
      else if (type === wire.PUBREL) this.#release(packetId)
      else this.#completed(packetId)
    }
    return true
  }

  /** The socket takes more again. */
  roomy(): void {
    this.session.pump()
    if (this.#retained.length > 0) this.#feed()
  }

  #publish(bytes: Buffer, start: number, body: number, end: number): boolean {
    const qos = ((bytes[start]! >> 1) & 3) as wire.Qos
    // Who has nothing under way may speak: the answers of services must come through a flood of events that wait for them.
    const floods = this.#floor.router.saturated && (qos === 0 || this.turns.length > 0)
    if (this.#floor.holding || floods) return this.#speaker.pause(HELD)
    const retain = (bytes[start]! & 1) !== 0
    const field = wire.readField(bytes, body, end)
    const topic = this.#floor.router.topics.read(bytes, field.start, field.end)
    const packetId = qos === 0 ? 0 : wire.readPacketId(bytes, field.end, end)
    this.#floor.counters.publishReceived++
    if (topic !== this.#topic) {
      this.#topic = topic
      this.#topicAllowed = this.#rights.mayPublish(topic.name)
    }
    const route = this.#floor.router.route(topic)
    if (!this.#topicAllowed || route.reserved !== null) {
      this.#refused(topic, route.reserved, qos, packetId)
      return true
    }
    if (qos === 0 && !retain && route.handlers.length === 0 && this.turns.length === 0) {
      this.#floor.router.forward(route, bytes, start, end)
      return true
    }
    if (qos === 2 && this.#repeated(packetId)) return true
    const publication =
      qos === 0
        ? new Publication(topic, new Uint8Array(bytes.subarray(field.end, end)), qos, retain)
        : Publication.ofPacket(
            topic,
            { bytes: Buffer.from(bytes.subarray(start, end)), packetIdAt: field.end - start },
            qos,
            retain,
          )
    this.#acceptingBytes += end - start
    this.#accept(publication, qos, packetId, end - start)
    if (this.#isFull()) this.#speaker.pause(ACCEPTING)
    return true
  }

  /** As much is on its way into the store as one client may have there. */
  #isFull(): boolean {
    return (
      this.turns.length >= MQTT_ACCEPTING_PER_CLIENT_MAX || this.#acceptingBytes >= MQTT_ACCEPTING_BYTES_PER_CLIENT_MAX
    )
  }

  #accept(publication: Publication, qos: wire.Qos, packetId: number, bytes: number): void {
    const session = this.session
    const accepted = this.#floor.router.accept(publication, this.#publisher, packetId)
    if (qos === 2) this.#remember(session, packetId, accepted)
    this.turns.after(
      accepted,
      (done) => {
        this.#acceptingBytes -= bytes
        // A client that gets its own message back sees the PUBREC first, as from brokers that deliver at PUBREL.
        if (qos === 2) this.#speaker.acknowledge(wire.PUBREC << 4, packetId)
        this.#floor.router.deliver(done)
        if (qos === 1) this.#speaker.acknowledge(wire.PUBACK << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.#notAccepted(publication.topic.name, error),
    )
  }

  /** [MQTT-4.3.3-2]: until its PUBREL the same identifier is the same message. */
  #remember(session: Session, packetId: number, accepted: Soon<Accepted>): void {
    if (session.unreleased.size >= MQTT_UNRELEASED_PER_CLIENT_MAX)
      throw notAllowed("MQTT_UNRELEASED_PER_CLIENT_MAX", "too many QoS 2 messages wait for their PUBREL")
    if (!(accepted instanceof Promise)) {
      session.unreleased.set(packetId, null)
      return
    }
    const settled = accepted.then(
      () => {
        session.unreleased.set(packetId, null)
      },
      (error: unknown) => {
        session.unreleased.delete(packetId)
        throw error
      },
    )
    // The turn of the publication hears of a failure; a repeat that waits here hears of it too.
    settled.catch(() => undefined)
    session.unreleased.set(packetId, settled)
  }

  #repeated(packetId: number): boolean {
    const known = this.session.unreleased.get(packetId)
    if (known === undefined) return false
    this.turns.after(
      known,
      () => this.#speaker.acknowledge(wire.PUBREC << 4, packetId),
      (error) => this.#speaker.fail(error),
    )
    return true
  }

  #notAccepted(topic: string, error: unknown): void {
    this.#floor.log.warn("an MQTT message was not accepted", { topic, error: messageOf(error) })
    this.#speaker.fail(error)
  }

  /** [MQTT-3.3.5-2]: 3.1.1 knows no refusal; the message goes nowhere, and is counted. */
  #refused(topic: Topic<Route>, reserved: Reserved | null, qos: wire.Qos, packetId: number): void {
    const type = qos === 1 ? wire.PUBACK : wire.PUBREC
    this.turns.after(
      this.#floor.refusals.refuse(this.#publisher, topic.name, reserved),
      () => {
        if (qos > 0) this.#speaker.acknowledge(type << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.#notAccepted(topic.name, error),
    )
    if (this.#isFull()) this.#speaker.pause(ACCEPTING)
  }

  #acknowledged(packetId: number): void {
    const item = this.session.acknowledged(packetId)
    if (item === null) return
    this.#floor.sessions.delivered(this.session, item)
    if (this.#retained.length > 0) this.#feed()
  }

  #received(packetId: number): void {
    const session = this.session
    const item = session.received(packetId)
    if (item === null || !session.persistent) this.#speaker.sendPubrel(packetId)
    else
      this.#floor.sessions.released(session, item).then(
        () => this.#speaker.sendPubrel(packetId),
        (error: unknown) => this.#speaker.fail(error),
      )
  }

  #release(packetId: number): void {
    const session = this.session
    const known = session.unreleased.get(packetId)
    const freed =
      known === undefined || !session.persistent
        ? null
        : (known ?? Promise.resolve()).then(() => this.#floor.sessions.freed(session, packetId))
    this.turns.after(
      freed,
      () => {
        session.unreleased.delete(packetId)
        this.#speaker.acknowledge(wire.PUBCOMP << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.#speaker.fail(error),
    )
  }

  #completed(packetId: number): void {
    const item = this.session.completed(packetId)
    if (item === null) return
    this.#floor.sessions.delivered(this.session, item)
    if (this.#retained.length > 0) this.#feed()
  }

  #subscribe(bytes: Buffer, body: number, end: number): void {
    const session = this.session
    const packetId = wire.readPacketId(bytes, body, end)
    if (body + 2 === end) throw malformed("MQTT-3.8.3-3", "SUBSCRIBE without a filter")
    const codes: number[] = []
    const granted = new Map<string, wire.Qos>()
    for (let at = body + 2; at < end; at++) {
      const filter = wire.readText(bytes, at, end)
      checkFilter(filter.text, filter.end - at - 2)
      at = filter.end
      const qos = at < end ? bytes[at]! : 3
      if (qos > 2) throw malformed("MQTT-3.8.3-4", "SUBSCRIBE asks for a QoS that does not exist")
      const known = session.subscriptions.has(filter.text) || granted.has(filter.text)
      const room = known || session.subscriptions.size + granted.size < MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX
      const allowed = room && this.#rights.maySubscribe(filter.text)
      codes.push(allowed ? qos : wire.SUBACK_FAILURE)
      if (allowed) granted.set(filter.text, qos as wire.Qos)
    }
    const stored = session.persistent ? this.#floor.sessions.subscribed(session, granted) : null
    this.turns.after(
      stored,
      () => {
        if (this.#speaker.closed) return
        for (const [filter, qos] of granted) this.#floor.router.subscribe(session, filter, qos)
        this.#speaker.send(wire.encodeSuback(packetId, codes))
        for (const [filter, qos] of granted) this.#retained.push({ messages: this.#floor.retainedFor(filter), qos })
        this.#feed()
        this.#caughtUp()
      },
      (error) => this.#speaker.fail(error),
    )
  }

  #feed(): void {
    const session = this.session
    const rights = this.#rights
    for (let feed = this.#retained[0]; feed !== undefined; feed = this.#retained[0]) {
      while (this.#speaker.roomy && session.queuedCount < MQTT_INFLIGHT_PER_CLIENT_MAX && !this.#speaker.closed) {
        const next = feed.messages.next()
        if (next.done === true) break
        if (rights.mayReceive(next.value.topic.name)) this.#floor.router.offerRetained(session, next.value, feed.qos)
      }
      if (!this.#speaker.roomy || session.queuedCount >= MQTT_INFLIGHT_PER_CLIENT_MAX || this.#speaker.closed) return
      this.#retained.shift()
    }
  }

  #unsubscribe(bytes: Buffer, body: number, end: number): void {
    const session = this.session
    const packetId = wire.readPacketId(bytes, body, end)
    if (body + 2 === end) throw malformed("MQTT-3.10.3-2", "UNSUBSCRIBE without a filter")
    const filters: string[] = []
    for (let at = body + 2; at < end; ) {
      const filter = wire.readText(bytes, at, end)
      checkFilter(filter.text, filter.end - at - 2)
      filters.push(filter.text)
      at = filter.end
    }
    const stored = session.persistent ? this.#floor.sessions.unsubscribed(session, filters) : null
    this.turns.after(
      stored,
      () => {
        for (const filter of filters) this.#floor.router.unsubscribe(session, filter)
        this.#speaker.acknowledge(wire.UNSUBACK << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.#speaker.fail(error),
    )
  }

  #caughtUp(): void {
    const half = MQTT_ACCEPTING_BYTES_PER_CLIENT_MAX / 2
    if (this.turns.length > MQTT_ACCEPTING_PER_CLIENT_MAX / 2 || this.#acceptingBytes > half) return
    this.#speaker.unpause(ACCEPTING)
  }
}
