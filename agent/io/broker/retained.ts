import { MQTT_RETAINED_BYTES_MAX, MQTT_RETAINED_MESSAGES_MAX } from "../../base/limits.ts"
import type { Qos } from "./wire.ts"

export interface RetainedMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
}

interface Level {
  readonly next: Map<string, Level>
  message: RetainedMessage | null
}

/** Retained messages by topic level, bounded by count and bytes. */
export class Retained {
  readonly #root: Level = { next: new Map(), message: null }
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns whether the bounds leave room for a message of this topic and size */
  hasRoom(topic: string, payloadBytes: number): boolean {
    const old = this.get(topic)
    const bytes = this.#bytes - (old?.payload.length ?? 0) + payloadBytes
    const count = this.#count + (old === null ? 1 : 0)
    return bytes <= MQTT_RETAINED_BYTES_MAX && count <= MQTT_RETAINED_MESSAGES_MAX
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
    if (at.message === null) this.#count++
    this.#bytes += message.payload.length - (at.message?.payload.length ?? 0)
    at.message = message
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
    this.#count--
    this.#bytes -= leaf.message.payload.length
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
