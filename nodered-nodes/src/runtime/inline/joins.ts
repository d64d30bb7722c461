import type { InlineJoin } from "../../flow/inline.ts"
import { keyOfPlace } from "../deploy/live-nodes.ts"
import { JOINED_REMEMBERED_MAX, JOINS_MAX } from "../limits.ts"
import type { Done, Message } from "../red.ts"
import { type InlineScope, scopeOf } from "./scope.ts"

/** The messages of one occurrence that have come so far. */
interface Half {
  readonly tasks: InlineScope["tasks"]
  readonly ended: NonNullable<InlineScope["ended"]>
  readonly dones: readonly Done[]
  readonly sinceMs: number
}

/** A message that goes on, and when the first of what it was joined of came, by `performance.now()`. */
export interface Joined {
  readonly message: Message
  readonly sinceMs: number
}

/** `held`: others have to come first, or it has gone on already; `lost`: it says none of the statuses that are joined. */
export type Joining = Joined | "held" | "lost"

/**
 * Joins the messages of one occurrence at one node. They are known by `_msgid`, which Node-RED keeps where a wire parts,
 * and where a split made them by their place in it. In memory: what has come goes with the node.
 */
export class Joins {
  readonly #halves = new Map<string, Half>()
  /** What has gone on: whatever comes after it is late. */
  readonly #ended = new Set<string>()
  readonly #overflow: () => void
  #isOver = false

  /** @param overflow told once, when the oldest half had to be let go for the first time */
  constructor(overflow: () => void) {
    this.#overflow = overflow
  }

  /** @param done called here where the message is held, at its end */
  take(message: Message, done: Done, { join, statuses }: InlineJoin): Joining {
    const sinceMs = performance.now()
    const key = keyOf(message)
    if (this.#ended.has(key)) {
      done()
      return "held"
    }
    if (join === "any") {
      this.#end(key)
      return { message, sinceMs }
    }
    const scope = scopeOf(message)
    const half = this.#halves.get(key) ?? { tasks: {}, ended: {}, dones: [], sinceMs }
    const ended = { ...half.ended, ...scope.ended }
    const tasks = { ...half.tasks, ...scope.tasks }
    const isThere = (all: Half["ended"]) =>
      statuses.filter(({ from, status }) => all[keyOfPlace(from)] === status).length
    if (isThere(scope.ended ?? {}) === 0) return "lost"
    if (isThere(ended) === statuses.length) {
      this.#halves.delete(key)
      this.#end(key)
      for (const given of half.dones) given()
      return { message: Object.assign(message, { mesg: { ...scope, tasks, ended } }), sinceMs: half.sinceMs }
    }
    // A copy of what has come already says nothing new.
    const isNew = isThere(ended) > isThere(half.ended)
    if (!isNew) done()
    this.#halves.set(key, { ...half, tasks, ended, dones: isNew ? [...half.dones, done] : half.dones })
    if (this.#halves.size > JOINS_MAX) this.#letGo()
    return "held"
  }

  /** The node closes. What was held is over, and nothing has completed. */
  close(): void {
    this.#halves.clear()
  }

  #end(key: string): void {
    this.#ended.add(key)
    const [oldest] = this.#ended
    if (this.#ended.size > JOINED_REMEMBERED_MAX && oldest !== undefined) this.#ended.delete(oldest)
  }

  /** The rest of it may never come: another status was taken. */
  #letGo(): void {
    const [oldest] = this.#halves
    if (oldest === undefined) return
    this.#halves.delete(oldest[0])
    if (!this.#isOver) this.#overflow()
    this.#isOver = true
  }
}

function keyOf({ _msgid, parts }: Message): string {
  const { id, index } = (parts ?? {}) as { id?: unknown; index?: unknown }
  return JSON.stringify([_msgid, id, index])
}
