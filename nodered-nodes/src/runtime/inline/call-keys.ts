import { randomBytes } from "node:crypto"
import { MESSAGES_REMEMBERED_MAX } from "../limits.ts"

interface Passage {
  count: number
  /** Whether it is not known what became of the last call. */
  unknown: boolean
}

/**
 * Idempotency keys of one node's calls. A message that passes a node twice (a loop, the parts of a split) means two calls.
 * One that comes again because nobody knows what became of its call means the same call: the agent does it once.
 */
export class CallKeys {
  readonly #node: string
  /** A node that comes after a deploy counts anew: what passes it is another call. */
  readonly #life = randomBytes(4).toString("hex")
  readonly #passages = new Map<string, Passage>()

  constructor(node: string) {
    this.#node = node
  }

  /** The key for a message that arrives now. */
  next(messageId: string): string {
    const passage = this.#passages.get(messageId) ?? { count: 0, unknown: false }
    if (!passage.unknown) passage.count++
    passage.unknown = false
    this.#passages.delete(messageId)
    this.#passages.set(messageId, passage)
    const [oldest] = this.#passages.keys()
    if (this.#passages.size > MESSAGES_REMEMBERED_MAX && oldest !== undefined) this.#passages.delete(oldest)
    return `${messageId}:${this.#node}:${this.#life}:${passage.count}`.slice(-100)
  }

  /** The call of this message got no answer: if it comes again, it is the same call. */
  unanswered(messageId: string): void {
    const passage = this.#passages.get(messageId)
    if (passage !== undefined) passage.unknown = true
  }
}
