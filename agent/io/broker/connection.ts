import { messageOf } from "../../base/errors.ts"
import {
  MQTT_ACCEPTING_PER_CLIENT_MAX,
  MQTT_CONNECT_TIMEOUT_MS,
  MQTT_DRAIN_TIMEOUT_MS,
  MQTT_INFLIGHT_PER_CLIENT_MAX,
  MQTT_SUBSCRIPTIONS_PER_CLIENT_MAX,
  MQTT_UNRELEASED_PER_CLIENT_MAX,
} from "../../base/limits.ts"
import type { Credentials } from "../../ports/broker.ts"
import { checkConnect, type ConnectFacts } from "./connect-packet.ts"
import { malformed, notAllowed, ProtocolError } from "./error.ts"
import { FrameGuard, type FrameSink } from "./frame-guard.ts"
import type { Floor } from "./floor.ts"
import { InOrder } from "./in-order.ts"
import type { Link } from "./link.ts"
import { Output } from "./output.ts"
import { Publication, type Publisher } from "./publication.ts"
import type { Rights } from "./rights.ts"
import type { Accepted, Route } from "./router.ts"
import type { Receiver, Session } from "./session.ts"
import { checkFilter, type Topic } from "./topics.ts"
import * as wire from "./wire.ts"

/** Why a connection is not read at the moment; it is read again when no bit is left. */
const HELD = 1
const ACCEPTING = 2
const UNREAD = 4

/** The client as it was admitted. */
export interface Admission {
  readonly session: Session
  readonly rights: Rights
  readonly credentials: Credentials
  /** Whether the session outlived an earlier connection. */
  readonly present: boolean
}

/**
 * One client's connection. CONNECT, the will and DISCONNECT go to aedes (session-plane.ts); every other packet is
 * handled here. @see docs/adr/001-broker-fast-path.md
 */
export class Connection implements FrameSink, Receiver {
  readonly link: Link
  readonly openedMs: number
  facts: ConnectFacts | null = null
  admission: Admission | null = null
  readonly #floor: Floor
  readonly #guard: FrameGuard
  readonly #output: Output
  readonly #turns = new InOrder()
  #session: Session | null = null
  #publisher: Publisher | null = null
  #closed = false
  #paused = 0
  /** Retained messages that new subscriptions still get, as fast as the client takes them. */
  #retained: { messages: Iterator<Publication>; qos: wire.Qos }[] = []
  #heardMs: number
  #progressMs: number
  #flushedBytes = 0
  /** The topic last published to, and whether that is allowed: most clients stay with one. */
  #topic: Topic<Route> | null = null
  #topicAllowed = false

  constructor(floor: Floor, link: Link) {
    this.#floor = floor
    this.link = link
    this.openedMs = this.#heardMs = this.#progressMs = floor.nowMs
    this.#guard = new FrameGuard(this)
    this.#output = new Output(floor.outputs, link)
    link.listen({
      data: (chunk) => this.#receive(chunk),
      drained: () => this.#drained(),
      failed: (error) => this.fail(error),
      closed: () => this.#ended(),
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  get session(): Session | null {
    return this.#session
  }

  get roomy(): boolean {
    return this.#output.roomy
  }

  /** CONNACK is on its way: packets flow. */
  ready(admission: Admission): void {
    if (this.#closed) return
    this.#session = admission.session
    this.#publisher = {
      clientId: admission.session.clientId,
      principal: admission.rights.principal,
      session: admission.session,
    }
    admission.session.resume(this)
    try {
      this.#guard.open(this.#floor.packetBytesMax)
    } catch (error) {
      this.fail(error)
    }
    if (this.#paused === 0 && !this.#closed) this.link.resume()
  }

  /** Rights changed while connected. */
  reconsider(rights: Rights): void {
    if (this.admission === null || this.#publisher === null) return
    this.admission = { ...this.admission, rights }
    this.#publisher = { ...this.#publisher, principal: rights.principal }
    this.#topic = null
  }

  /** The client lost its right to be here, and its will with it. */
  revoke(): void {
    const { admission } = this
    this.fail(notAllowed("recheck", "the client's rights ended"))
    if (admission !== null) this.admission = null
  }

  frame(bytes: Buffer, start: number, body: number, end: number): boolean {
    this.#floor.counters.messagesReceived++
    switch (bytes[start]! >> 4) {
      case wire.PUBLISH:
        return this.#publish(bytes, start, body, end)
      case wire.PUBACK:
        this.#acknowledged(wire.readPacketId(bytes, body, end))
        return true
      case wire.PUBREC:
        this.#received(wire.readPacketId(bytes, body, end))
        return true
      case wire.PUBREL:
        this.#release(wire.readPacketId(bytes, body, end))
        return true
      case wire.PUBCOMP:
        this.#completed(wire.readPacketId(bytes, body, end))
        return true
      case wire.SUBSCRIBE:
        this.#subscribe(bytes, body, end)
        return true
      case wire.UNSUBSCRIBE:
        this.#unsubscribe(bytes, body, end)
        return true
      case wire.PINGREQ:
        this.#send(wire.PINGRESP_BYTES)
        return true
      case wire.DISCONNECT:
        this.#leave(bytes.subarray(start, end))
        return true
      default:
        this.#connect(bytes, start, body, end)
        return true
    }
  }

  sendPacket(bytes: Buffer, start: number, end: number): void {
    this.#floor.counters.publishSent++
    this.#output.add(bytes, start, end)
  }

  sendPublish(frame: wire.EncodedPublish, packetId: number, qos: wire.Qos, retain: boolean, dup: boolean): void {
    const { length } = frame.bytes
    this.#floor.counters.publishSent++
    if (qos === 0 && !retain) {
      this.#output.add(frame.bytes, 0, length)
      return
    }
    const slab = this.#floor.outputs.deliveries
    const at = slab.take(length)
    const { bytes } = slab
    bytes.set(frame.bytes, at)
    bytes[at] = (wire.PUBLISH << 4) | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    if (qos > 0) {
      bytes[at + frame.packetIdAt] = packetId >> 8
      bytes[at + frame.packetIdAt + 1] = packetId & 255
      this.#floor.sessions.progressed(this.#session!)
    }
    this.#output.add(bytes, at, at + length)
  }

  sendPubrel(packetId: number): void {
    this.#acknowledge((wire.PUBREL << 4) | 2, packetId)
  }

  /** Bytes that aedes wrote: CONNACK. */
  sendBytes(bytes: Buffer): void {
    this.#output.add(bytes, 0, bytes.length)
  }

  /** The broker lets publishers go on. */
  unhold(): void {
    this.#unpause(HELD)
  }

  /** Closes the connection and says why. Never throws. */
  fail(error: unknown): void {
    if (this.#closed) return
    const fault = error instanceof ProtocolError
    if (fault) this.#floor.counters.protocolFaults++
    this.#floor.log.info("an MQTT connection was closed", {
      clientId: this.facts?.clientId,
      address: this.link.address,
      code: fault ? error.code : undefined,
      reason: messageOf(error),
    })
    this.close()
  }

  /** Ends the connection after what was sent; the will is published unless the client said goodbye. */
  close(): void {
    if (this.#closed) return
    this.#detach()
    this.#output.flush()
    this.link.end()
    this.#floor.gone(this)
  }

  /** Called twice a second. */
  sweep(nowMs: number): void {
    if (this.#closed) return
    if (this.#session === null) {
      if (nowMs - this.openedMs >= MQTT_CONNECT_TIMEOUT_MS) this.fail(new Error("no CONNECT was accepted in time"))
      return
    }
    const silentMs = nowMs - this.#heardMs
    const { keepaliveS } = this.facts!
    // [MQTT-3.1.2-24]; a connection that we do not read cannot be heard.
    if (keepaliveS > 0 && this.#paused === 0 && silentMs > keepaliveS * 1500) {
      this.fail(notAllowed("MQTT-3.1.2-24", "the client was silent for longer than its keep alive"))
      return
    }
    const flushed = this.link.flushedBytes
    if (this.#output.waitingBytes === 0 || flushed !== this.#flushedBytes) this.#progressMs = nowMs
    this.#flushedBytes = flushed
    if (nowMs - this.#progressMs >= MQTT_DRAIN_TIMEOUT_MS) this.#stuck()
  }

  get waitingBytes(): number {
    return this.#output.waitingBytes
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.#floor.counters.bytesReceived += chunk.length
    this.#heardMs = this.#floor.nowMs
    try {
      this.#guard.receive(chunk)
    } catch (error) {
      this.fail(error)
    }
  }

  #connect(bytes: Buffer, start: number, body: number, end: number): void {
    const verdict = checkConnect(bytes, body, end)
    if (verdict.kind === "refuse") {
      this.#send(verdict.answer)
      this.#floor.counters.connectionsRefused++
      this.fail(notAllowed("MQTT-3.1.4-1", verdict.reason))
      return
    }
    this.facts = verdict.facts
    // Until it is admitted a client costs no more than what one read brought.
    this.link.pause()
    this.#floor.connect(this, Buffer.from(bytes.subarray(start, end)))
  }

  #publish(bytes: Buffer, start: number, body: number, end: number): boolean {
    if (this.#floor.holding || this.#floor.router.saturated) return this.#pause(HELD)
    const qos = ((bytes[start]! >> 1) & 3) as wire.Qos
    const retain = (bytes[start]! & 1) !== 0
    const field = wire.readField(bytes, body, end)
    const topic = this.#floor.router.topics.read(bytes, field.start, field.end)
    const packetId = qos === 0 ? 0 : wire.readPacketId(bytes, field.end, end)
    this.#floor.counters.publishReceived++
    if (topic !== this.#topic) {
      this.#topic = topic
      this.#topicAllowed = this.admission!.rights.mayPublish(topic.name)
    }
    if (!this.#topicAllowed) {
      this.#refused(topic, qos, packetId)
      return true
    }
    const route = this.#floor.router.route(topic)
    if (qos === 0 && !retain && route.handlers.length === 0 && this.#turns.length === 0) {
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
    this.#accept(publication, qos, packetId)
    if (this.#turns.length >= MQTT_ACCEPTING_PER_CLIENT_MAX) this.#pause(ACCEPTING)
    return true
  }

  #accept(publication: Publication, qos: wire.Qos, packetId: number): void {
    const session = this.#session!
    const accepted = this.#floor.router.accept(publication, this.#publisher!, packetId)
    if (qos === 2) this.#remember(session, packetId, accepted)
    this.#turns.after(
      accepted,
      (done) => {
        // A client that gets its own message back sees the PUBREC first, as from brokers that deliver at PUBREL.
        if (qos === 2) this.#acknowledge(wire.PUBREC << 4, packetId)
        this.#floor.router.deliver(done)
        if (qos === 1) this.#acknowledge(wire.PUBACK << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.#notAccepted(publication.topic.name, error),
    )
  }

  /** [MQTT-4.3.3-2]: until its PUBREL the same identifier is the same message. */
  #remember(session: Session, packetId: number, accepted: Accepted | Promise<Accepted>): void {
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
    const known = this.#session!.unreleased.get(packetId)
    if (known === undefined) return false
    this.#turns.after(
      known,
      () => this.#acknowledge(wire.PUBREC << 4, packetId),
      (error) => this.fail(error),
    )
    return true
  }

  #notAccepted(topic: string, error: unknown): void {
    this.#floor.log.warn("an MQTT message was not accepted", { topic, error: messageOf(error) })
    this.fail(error)
  }

  /** [MQTT-3.3.5-2]: 3.1.1 knows no refusal; the message goes nowhere, and is counted. */
  #refused(topic: Topic<Route>, qos: wire.Qos, packetId: number): void {
    this.#floor.refused(this.#session!.clientId, topic.name)
    if (qos === 0) return
    const type = qos === 1 ? wire.PUBACK : wire.PUBREC
    this.#turns.after(null, () => this.#acknowledge(type << 4, packetId), NOTHING)
  }

  #acknowledged(packetId: number): void {
    const item = this.#session!.acknowledged(packetId)
    if (item === null) return
    this.#floor.sessions.delivered(this.#session!, item)
    if (this.#retained.length > 0) this.#feed()
  }

  #received(packetId: number): void {
    const session = this.#session!
    const item = session.received(packetId)
    if (item === null || !session.persistent) this.sendPubrel(packetId)
    else
      this.#floor.sessions.released(session, item).then(
        () => this.sendPubrel(packetId),
        (error: unknown) => this.fail(error),
      )
  }

  #release(packetId: number): void {
    const session = this.#session!
    const known = session.unreleased.get(packetId)
    const freed =
      known === undefined || !session.persistent
        ? null
        : (known ?? Promise.resolve()).then(() => this.#floor.sessions.freed(session, packetId))
    this.#turns.after(
      freed,
      () => {
        session.unreleased.delete(packetId)
        this.#acknowledge(wire.PUBCOMP << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.fail(error),
    )
  }

  #completed(packetId: number): void {
    const item = this.#session!.completed(packetId)
    if (item === null) return
    this.#floor.sessions.delivered(this.#session!, item)
    if (this.#retained.length > 0) this.#feed()
  }

  #subscribe(bytes: Buffer, body: number, end: number): void {
    const session = this.#session!
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
      const allowed = room && this.admission!.rights.maySubscribe(filter.text)
      codes.push(allowed ? qos : wire.SUBACK_FAILURE)
      if (allowed) granted.set(filter.text, qos as wire.Qos)
    }
    const stored = session.persistent ? this.#floor.sessions.subscribed(session, granted) : null
    this.#turns.after(
      stored,
      () => {
        if (this.#session !== session) return
        for (const [filter, qos] of granted) this.#floor.router.subscribe(session, filter, qos)
        this.#send(wire.encodeSuback(packetId, codes))
        for (const [filter, qos] of granted) this.#retained.push({ messages: this.#floor.retainedFor(filter), qos })
        this.#feed()
        this.#caughtUp()
      },
      (error) => this.fail(error),
    )
  }

  #feed(): void {
    const session = this.#session!
    const { rights } = this.admission!
    for (let feed = this.#retained[0]; feed !== undefined; feed = this.#retained[0]) {
      while (this.roomy && session.queuedCount < MQTT_INFLIGHT_PER_CLIENT_MAX && !this.#closed) {
        const next = feed.messages.next()
        if (next.done === true) break
        if (rights.mayReceive(next.value.topic.name)) this.#floor.router.offerRetained(session, next.value, feed.qos)
      }
      if (!this.roomy || session.queuedCount >= MQTT_INFLIGHT_PER_CLIENT_MAX || this.#closed) return
      this.#retained.shift()
    }
  }

  #unsubscribe(bytes: Buffer, body: number, end: number): void {
    const session = this.#session!
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
    this.#turns.after(
      stored,
      () => {
        for (const filter of filters) this.#floor.router.unsubscribe(session, filter)
        this.#acknowledge(wire.UNSUBACK << 4, packetId)
        this.#caughtUp()
      },
      (error) => this.fail(error),
    )
  }

  /** DISCONNECT: aedes drops the will [MQTT-3.14.4-3] and closes. */
  #leave(packet: Buffer): void {
    this.#detach()
    this.#output.flush()
    this.#floor.leaving(this, packet)
    this.link.end()
  }

  #acknowledge(header: number, packetId: number): void {
    const slab = this.#floor.outputs.acknowledgements
    const at = slab.take(4)
    const { bytes } = slab
    bytes[at] = header
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId & 255
    this.#floor.counters.messagesSent++
    if (this.#closed) return
    this.#output.add(bytes, at, at + 4)
    this.#checkUnread()
  }

  #send(bytes: Buffer): void {
    this.#floor.counters.messagesSent++
    if (this.#closed) return
    this.#output.add(bytes, 0, bytes.length)
    this.#checkUnread()
  }

  /** Answers pile up for a client that does not read them: it is not read either. */
  #checkUnread(): void {
    if (!this.#output.roomy) this.#pause(UNREAD)
  }

  #drained(): void {
    this.#output.drained()
    if (!this.#output.roomy) return
    this.#session?.pump()
    if (this.#retained.length > 0) this.#feed()
    this.#unpause(UNREAD)
  }

  #caughtUp(): void {
    if ((this.#paused & ACCEPTING) === 0) return
    if (this.#turns.length <= MQTT_ACCEPTING_PER_CLIENT_MAX / 2) this.#unpause(ACCEPTING)
  }

  /** @returns false, for the packet that could not be taken */
  #pause(reason: number): false {
    if (this.#paused === 0) this.link.pause()
    this.#paused |= reason
    if (reason === HELD) this.#floor.held.add(this)
    return false
  }

  #unpause(reason: number): void {
    if ((this.#paused & reason) === 0) return
    this.#paused &= ~reason
    if (this.#paused !== 0 || this.#closed) return
    this.#heardMs = this.#floor.nowMs
    try {
      this.#guard.resume()
    } catch (error) {
      this.fail(error)
    }
    if (this.#paused === 0) this.link.resume()
  }

  #stuck(): void {
    this.#floor.log.info("an MQTT client does not read", { clientId: this.facts?.clientId })
    this.#detach()
    this.link.destroy()
    this.#floor.gone(this)
  }

  #ended(): void {
    if (this.#closed) return
    this.#detach()
    this.#floor.gone(this)
  }

  #detach(): void {
    this.#closed = true
    this.#guard.close()
    if (this.#session?.receiver === this) this.#session.receiver = null
    this.#floor.held.delete(this)
  }
}

const NOTHING = () => {}
