import { MQTT_INFLIGHT_PER_CLIENT_MAX } from "../../base/limits.ts"
import { notAllowed } from "./error.ts"
import type { Rights } from "./rights.ts"
import type { EncodedPublish, Qos } from "./wire.ts"

const RESERVED = 0
const WAITING = 1
const SENT = 2
const RELEASED = 3

/** A QoS 1 or 2 message on its way to one client. */
export interface Outgoing {
  /** Place in the session's durable queue; 0 where the session is not kept. */
  readonly seq: number
  readonly packetId: number
  readonly topic: string
  readonly qos: 1 | 2
  readonly retain: boolean
  /** Shared by all who receive the message; null once the receiver has it (PUBREC) and only the release is owed. */
  readonly frame: EncodedPublish | null
  state: typeof RESERVED | typeof WAITING | typeof SENT | typeof RELEASED
}

/** Bytes queued for all sessions together. */
export interface QueueBudget {
  bytes: number
}

/** What the sessions of one principal are and have together. */
export interface Holder {
  /** The principal's name; empty for sessions that an agent before this one has kept. */
  readonly name: string
  sessions: number
  queuedBytes: number
}

/** A session's way to its client while it is connected. */
export interface Receiver {
  /** False while the socket has too much to send already. */
  readonly roomy: boolean
  /** A whole QoS 0 packet, as it came in. */
  sendPacket(bytes: Buffer, start: number, end: number): void
  sendPublish(frame: EncodedPublish, packetId: number, qos: Qos, retain: boolean, dup: boolean): void
  sendPubrel(packetId: number): void
}

/**
 * One client's session [MQTT-3.1.2.4]: subscriptions, what goes out and is not acknowledged, and which QoS 2 packets came
 * in and are not released. Memory only; session-store.ts makes it durable where the client asked for that.
 */
export class Session {
  readonly clientId: string
  /** Kept when the client is away (clean session = 0). */
  readonly persistent: boolean
  /** Of the client as it last logged in; null after a restart until it does. */
  rights: Rights | null = null
  receiver: Receiver | null = null
  readonly subscriptions = new Map<string, Qos>()
  /** QoS 2 packet ids received and not released; a promise while the message is being accepted. */
  readonly unreleased = new Map<number, Promise<void> | null>()
  /** The highest `seq` that was written to the client's socket. */
  sentSeq = 0
  readonly #outgoing = new Map<number, Outgoing>()
  #waiting: Outgoing[] = []
  #waitingAt = 0
  #inflight = 0
  #bytes = 0
  #nextId = 1

  readonly #budget: QueueBudget
  #holder: Holder

  constructor(clientId: string, persistent: boolean, budget: QueueBudget, holder: Holder) {
    this.clientId = clientId
    this.persistent = persistent
    this.#budget = budget
    this.#holder = holder
  }

  get holder(): Holder {
    return this.#holder
  }

  /** Somebody else uses it from now on, with what is queued in it. */
  passTo(holder: Holder): void {
    this.#holder.queuedBytes -= this.#bytes
    holder.queuedBytes += this.#bytes
    this.#holder = holder
  }

  get queuedCount(): number {
    return this.#outgoing.size
  }

  get queuedBytes(): number {
    return this.#bytes
  }

  outgoing(): Iterable<Outgoing> {
    return this.#outgoing.values()
  }

  /**
   * A place in the queue and a packet identifier for a message that is being accepted.
   * @returns null if all 65,535 identifiers are in use
   */
  reserve(
    message: { topic: string; frame: EncodedPublish; retain: boolean },
    qos: 1 | 2,
    seq: number,
  ): Outgoing | null {
    const packetId = this.#freeId()
    if (packetId === null) return null
    const { topic, frame, retain } = message
    return this.#hold({ seq, packetId, topic, qos, retain, frame, state: RESERVED })
  }

  /** A message that was queued before a restart. */
  restore(stored: Omit<Outgoing, "state">): void {
    const sent = stored.seq <= this.sentSeq
    const state = stored.frame === null ? RELEASED : sent ? SENT : WAITING
    const item = this.#hold({ ...stored, state })
    // Clients may have kept something of the newest ids, as mosquitto's do at QoS 2: they come again last.
    this.#nextId = following(stored.packetId)
    if (state === WAITING) this.#waiting.push(item)
    else this.#inflight++
  }

  /** The message is accepted: it is sent now or as soon as the window, the socket and the client allow. */
  enqueue(item: Outgoing): void {
    if (this.#outgoing.get(item.packetId) !== item) return
    item.state = WAITING
    this.#waiting.push(item)
    this.pump()
  }

  /** The message was not accepted after all, or must not go to this client any more. */
  forget(item: Outgoing): void {
    if (this.#outgoing.get(item.packetId) !== item) return
    this.#outgoing.delete(item.packetId)
    this.#weigh(-size(item))
    if (item.state === SENT || item.state === RELEASED) this.#inflight--
    if (item.state === WAITING) {
      this.#waiting = this.#waiting.slice(this.#waitingAt).filter((other) => other !== item)
      this.#waitingAt = 0
    }
  }

  /** Sends what waits, within the window of unacknowledged messages. */
  pump(): void {
    const receiver = this.receiver
    if (receiver === null) return
    while (this.#waitingAt < this.#waiting.length && this.#inflight < MQTT_INFLIGHT_PER_CLIENT_MAX && receiver.roomy) {
      const item = this.#waiting[this.#waitingAt++]!
      this.#send(receiver, item, false)
    }
    if (this.#waitingAt === this.#waiting.length) this.#waiting.length = this.#waitingAt = 0
    else if (this.#waitingAt > 1024) {
      this.#waiting.splice(0, this.#waitingAt)
      this.#waitingAt = 0
    }
  }

  /** After a reconnect: what was sent and not acknowledged goes out again, in its order [MQTT-4.4.0-1, 4.6.0-1]. */
  resume(receiver: Receiver): void {
    this.receiver = receiver
    for (const item of this.#outgoing.values()) {
      if (item.state === RELEASED) receiver.sendPubrel(item.packetId)
      else if (item.state === SENT) receiver.sendPublish(item.frame!, item.packetId, item.qos, item.retain, true)
    }
    this.pump()
  }

  /** The session ends: nothing of it is owed any more. */
  end(): void {
    this.receiver = null
    this.#outgoing.clear()
    this.#waiting = []
    this.#waitingAt = this.#inflight = 0
    this.#weigh(-this.#bytes)
  }

  /**
   * PUBACK. @returns the message that is done, null if none has this identifier
   * @throws ProtocolError where the identifier belongs to a message of QoS 2, or one that was not sent
   */
  acknowledged(packetId: number): Outgoing | null {
    const item = this.#outgoing.get(packetId)
    if (item === undefined) return null
    if (item.qos !== 1 || item.state !== SENT) throw notAllowed("MQTT-4.3.2-1", "PUBACK for what is no QoS 1 message")
    return this.#done(item)
  }

  /** PUBREC. @returns the message that the client has now, null if none waits for it @throws ProtocolError */
  received(packetId: number): Outgoing | null {
    const item = this.#outgoing.get(packetId)
    if (item === undefined || item.state === RELEASED) return null
    if (item.qos !== 2 || item.state !== SENT) throw notAllowed("MQTT-4.3.3-1", "PUBREC for what is no QoS 2 message")
    const released: Outgoing = { ...item, frame: null, state: RELEASED }
    this.#weigh(-size(item))
    this.#outgoing.set(packetId, released)
    return released
  }

  /** PUBCOMP. @returns the message that is done, null if none has this identifier @throws ProtocolError */
  completed(packetId: number): Outgoing | null {
    const item = this.#outgoing.get(packetId)
    if (item === undefined) return null
    if (item.state !== RELEASED) throw notAllowed("MQTT-4.3.3-1", "PUBCOMP without its PUBREL")
    return this.#done(item)
  }

  #send(receiver: Receiver, item: Outgoing, dup: boolean): void {
    item.state = SENT
    this.#inflight++
    if (item.seq > this.sentSeq) this.sentSeq = item.seq
    receiver.sendPublish(item.frame!, item.packetId, item.qos, item.retain, dup)
  }

  #done(item: Outgoing): Outgoing {
    this.#outgoing.delete(item.packetId)
    this.#weigh(-size(item))
    this.#inflight--
    if (this.#waitingAt < this.#waiting.length) this.pump()
    return item
  }

  #hold(item: Outgoing): Outgoing {
    this.#outgoing.set(item.packetId, item)
    this.#weigh(size(item))
    return item
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes
    this.#budget.bytes += bytes
    this.#holder.queuedBytes += bytes
  }

  #freeId(): number | null {
    if (this.#outgoing.size >= 65_535) return null
    let id = this.#nextId
    while (this.#outgoing.has(id)) id = following(id)
    this.#nextId = following(id)
    return id
  }
}

function following(packetId: number): number {
  return packetId === 65_535 ? 1 : packetId + 1
}

function size(item: Outgoing): number {
  return item.frame === null ? 0 : item.frame.bytes.length
}
