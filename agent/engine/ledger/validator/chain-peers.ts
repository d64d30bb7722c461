import { messageOf } from "../../../base/errors.ts"
import { PEER_MESSAGE_BYTES_MAX } from "../../../base/network-limits.ts"
import type { ChainId } from "../../../core/ledger/terms.ts"
import type { Log } from "../../../ports/log.ts"
import type { Peers, Question, Topic } from "../../../ports/peers.ts"
import { ANSWERS, JUDGES, NOTHING } from "./protocol.ts"
import type { QuestionName, Shell, TopicName } from "./shell.ts"
import type { Validator } from "./validator.ts"

/** The way to the other Cores of one chain, over peers that may be those of other chains too. */
export class ChainPeers implements Shell {
  readonly #chain: ChainId
  readonly #log: Log
  #peers: Peers | null = null
  #validator: Validator | null = null

  constructor(chain: ChainId, log: Log) {
    this.#chain = chain
    this.#log = log
  }

  topics(): readonly Topic[] {
    return Object.entries(JUDGES).map(([name, judge]) => ({
      name: this.#nameOf(name),
      bytesMax: PEER_MESSAGE_BYTES_MAX,
      judge: (_, bytes) => (this.#validator === null ? "ignore" : judge(this.#validator, bytes)),
    }))
  }

  questions(): readonly Question[] {
    return Object.entries(ANSWERS).map(([name, answer]) => ({
      name: this.#nameOf(name),
      // Before it has started and after it has stopped a Core has nothing: that is nobody's fault.
      answer: (_, request) => Promise.resolve(this.#validator === null ? NOTHING : answer(this.#validator, request)),
    }))
  }

  connect(peers: Peers): void {
    this.#peers = peers
  }

  /** Who judges what comes, and answers; null while nobody does. */
  serve(validator: Validator | null): void {
    this.#validator = validator
  }

  stop(): void {
    this.#peers = null
    this.#validator = null
  }

  publish(topic: TopicName, bytes: Uint8Array): void {
    this.#peers?.publish(this.#nameOf(topic), bytes).catch((error: unknown) => {
      // Nothing rests on it: who lacks it asks (M1).
      this.#log.warn("a message could not be given to the peers", { topic, error: messageOf(error) })
    })
  }

  peers(): readonly string[] {
    return this.#peers?.connected() ?? []
  }

  async ask(peer: string, question: QuestionName, request: Uint8Array): Promise<Uint8Array | null> {
    const answer = await this.#peers?.ask(peer, this.#nameOf(question), request)
    return answer?.ok ? answer.bytes : null
  }

  blame(peer: string, why: string): void {
    this.#peers?.blame(peer, why)
  }

  /** Of one chain: who is on another one neither hears it nor answers. */
  #nameOf(name: string): string {
    return `${this.#chain}/${name}`
  }
}
