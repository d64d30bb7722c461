import {
  MQTT_RETAINED_BYTES_MAX,
  MQTT_RETAINED_BYTES_PER_PRINCIPAL_MAX,
  MQTT_RETAINED_MESSAGES_MAX,
  MQTT_RETAINED_MESSAGES_PER_PRINCIPAL_MAX,
} from "../../base/limits.ts"
import type { Qos } from "./wire.ts"

export interface RetainedMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** Name of the principal who published it; empty where an agent before this one has kept it. */
  readonly owner: string
}

/** How much there is, of all or of one. */
interface Amount {
  count: number
  bytes: number
}

interface Level {
  readonly next: Map<string, Level>
  message: RetainedMessage | null
}

/** Retained messages by topic level, bounded by count and bytes: of all, and of each principal. */
export class Retained {
  readonly #root: Level = { next: new Map(), message: null }
  readonly #all: Amount = { count: 0, bytes: 0 }
  readonly #byOwner = new Map<string, Amount>()

  get count(): number {
    return this.#all.count
  }

  get bytes(): number {
    return this.#all.bytes
  }

  /** @returns whether the bounds leave room for a message of this topic and size, published by this principal */
  hasRoom(topic: string, payloadBytes: number, owner: string): boolean {
    const old = this.get(topic)
    const fits = (amount: Amount | undefined, replaced: RetainedMessage | null, count: number, bytes: number) =>
      (amount?.count ?? 0) + (replaced === null ? 1 : 0) <= count &&
      (amount?.bytes ?? 0) - (replaced?.payload.length ?? 0) + payloadBytes <= bytes
    const own = old?.owner === owner ? old : null
    return (
      fits(this.#all, old, MQTT_RETAINED_MESSAGES_MAX, MQTT_RETAINED_BYTES_MAX) &&
      fits(
        this.#byOwner.get(owner),
        own,
        MQTT_RETAINED_MESSAGES_PER_PRINCIPAL_MAX,
        MQTT_RETAINED_BYTES_PER_PRINCIPAL_MAX,
      )
    )
  }

  get(topic: string): RetainedMessage | null {
    let at: Level | undefined = this.#root
    for (const name of topic.split("/")) {
      at = at.next.get(name)
      if (at === undefined) return null
    }
    return at.message
  }

  /** The last one of its topic stays [MQTT-3.3.1-5]. */
  set(message: RetainedMessage): void {
    let at = this.#root
    for (const name of message.topic.split("/")) {
      let child = at.next.get(name)
      if (child === undefined) {
        child = { next: new Map(), message: null }
        at.next.set(name, child)
      }
      at = child
    }
    if (at.message !== null) this.#count(at.message, -1)
    this.#count(message, 1)
    at.message = message
  }

  #count({ owner, payload }: RetainedMessage, sign: 1 | -1): void {
    const own = this.#byOwner.get(owner) ?? { count: 0, bytes: 0 }
    for (const amount of [this.#all, own]) {
      amount.count += sign
      amount.bytes += sign * payload.length
    }
    if (own.count === 0) this.#byOwner.delete(owner)
    else this.#byOwner.set(owner, own)
  }

  remove(topic: string): void {
    const names = topic.split("/")
    const path = [this.#root]
    for (const name of names) {
      const child = path.at(-1)!.next.get(name)
      if (child === undefined) return
      path.push(child)
    }
    const leaf = path.at(-1)!
    if (leaf.message === null) return
    this.#count(leaf.message, -1)
    leaf.message = null
    for (let i = names.length; i > 0; i--) {
      const { next, message } = path[i]!
      if (next.size > 0 || message !== null) return
      path[i - 1]!.next.delete(names[i - 1]!)
    }
  }

  /** Those whose topics the filter matches, `#` after their parent, in the order the levels first appeared. */
  *match(filter: string): Generator<RetainedMessage> {
    yield* walk(this.#root, filter.split("/"), 0)
  }
}

function* walk(at: Level, names: readonly string[], depth: number): Generator<RetainedMessage> {
  const name = names[depth]
  if (name === undefined) {
    if (at.message !== null) yield at.message
  } else if (name === "#") {
    yield* below(at, depth === 0)
  } else if (name === "+") {
    for (const [child, next] of at.next) if (depth > 0 || !child.startsWith("$")) yield* walk(next, names, depth + 1)
  } else {
    const next = at.next.get(name)
    if (next !== undefined) yield* walk(next, names, depth + 1)
  }
}

function* below(at: Level, root: boolean): Generator<RetainedMessage> {
  if (at.message !== null) yield at.message
  // [MQTT-4.7.2-1]: a leading wildcard does not match $SYS and its like.
  for (const [child, next] of at.next) if (!root || !child.startsWith("$")) yield* below(next, false)
}
