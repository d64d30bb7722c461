import { ownBytes } from "../../base/bytes.ts"
import type { IncomingMessage, Principal } from "../../ports/broker.ts"
import type { Change } from "../../ports/store.ts"
import type { Route } from "./route.ts"
import type { Session } from "./session.ts"
import type { Topic } from "./topics.ts"
import { encodePublish, type EncodedPublish, type Qos } from "./wire.ts"

/** One message on its way through the broker: its bytes are encoded once for each form it goes out in. */
export class Publication {
  readonly topic: Topic<Route>
  readonly qos: Qos
  readonly retain: boolean
  #payload: Uint8Array | null
  #payloadAt = 0
  #plain: EncodedPublish | null = null
  #identified: EncodedPublish | null = null

  /** @param payload owned by the publication: not a view into bytes that others reuse or that pin much memory */
  constructor(topic: Topic<Route>, payload: Uint8Array | null, qos: Qos, retain: boolean) {
    this.topic = topic
    this.#payload = payload
    this.qos = qos
    this.retain = retain
  }

  /** A QoS 1 or 2 packet as it came in, already copied: it goes out in the same form. */
  static ofPacket(topic: Topic<Route>, frame: EncodedPublish, qos: Qos, retain: boolean): Publication {
    const publication = new Publication(topic, null, qos, retain)
    publication.#identified = frame
    publication.#payloadAt = frame.packetIdAt + 2
    return publication
  }

  get payload(): Uint8Array {
    this.#payload ??= new Uint8Array(this.#identified!.bytes.subarray(this.#payloadAt))
    return this.#payload
  }

  /** As QoS 0. */
  get plain(): EncodedPublish {
    this.#plain ??= encodePublish(this.topic.bytes, this.payload, 0, false)
    return this.#plain
  }

  /** As QoS 1 or 2, with room for the packet identifier. */
  get identified(): EncodedPublish {
    this.#identified ??= encodePublish(this.topic.bytes, this.payload, 1, false)
    return this.#identified
  }

  /** The same, for one that may wait long. */
  get lasting(): EncodedPublish {
    const { bytes, packetIdAt } = this.identified
    if (bytes.buffer.byteLength === bytes.length) return this.identified
    this.#identified = { bytes: ownBytes(bytes), packetIdAt }
    return this.#identified
  }
}

/** What the agent's handlers see of a message. */
export class Incoming implements IncomingMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly from: { readonly clientId: string; readonly principal: Principal }
  readonly replayed: boolean
  #changes: readonly Change[]
  #taken = false

  constructor(publication: Publication, from: Incoming["from"], changes: readonly Change[], replayed = false) {
    this.topic = publication.topic.name
    this.payload = publication.payload
    this.qos = publication.qos
    this.retain = publication.retain
    this.from = from
    this.replayed = replayed
    this.#changes = changes
  }

  takeChanges(): readonly Change[] {
    const changes = this.#changes
    this.#changes = []
    this.#taken = true
    return changes
  }

  /** What nobody took. */
  get remaining(): readonly Change[] {
    return this.#taken ? [] : this.#changes
  }
}

/** Who published: a connected client, a will, or the agent itself. */
export interface Publisher {
  readonly clientId: string
  readonly principal: Principal
  /** Whose QoS 2 packet identifiers are remembered; null for a will and the agent. */
  readonly session: Session | null
}
