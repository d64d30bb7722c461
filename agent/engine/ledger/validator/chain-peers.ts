import { ADDRESS_BYTES, type Address } from "../../../base/address.ts"
import { toHex } from "../../../base/bytes.ts"
import { messageOf } from "../../../base/errors.ts"
import { PEER_MESSAGE_BYTES_MAX } from "../../../base/network-limits.ts"
import type { ChainId } from "../../../core/ledger/terms.ts"
import type { Log } from "../../../ports/log.ts"
import type { Peers, Question, Topic, Verdict } from "../../../ports/peers.ts"
import type { QuestionName, Shell, TopicName } from "./shell.ts"
import type { Validator } from "./validator.ts"

const NUMBER_BYTES = 8
const NONCE_BYTES = 32
const NOTHING = new Uint8Array()

/** How a message of each topic is judged, and a question answered: null where nobody correct asks so. */
const JUDGES: Readonly<Record<TopicName, (validator: Validator, bytes: Uint8Array) => Promise<Verdict>>> = {
  transactions: (validator, bytes) => validator.judgeTransactions(bytes),
  votes: (validator, bytes) => validator.judgeVote(bytes),
  proposals: (validator, bytes) => validator.judgeProposal(bytes),
}
const ANSWERS: Readonly<Record<QuestionName, (validator: Validator, request: Uint8Array) => Uint8Array | null>> = {
  decided: (validator, request) => {
    const height = numberOf(request)
    return height === null ? null : (validator.answerDecided(height) ?? NOTHING)
  },
  held: (validator, request) => {
    const height = numberOf(request)
    return height === null ? null : validator.answerHeld(height)
  },
  newest: (validator, request) => {
    if (request.length !== NONCE_BYTES + ADDRESS_BYTES) return null
    const of = toHex(request.subarray(NONCE_BYTES)) as Address
    return validator.answerNewest(request.subarray(0, NONCE_BYTES), of)
  },
  waiting: (validator, request) => (request.length === 0 ? validator.answerWaiting() : null),
}

/** The way to the other Cores of one chain, over peers that may be those of other chains too. */
export class ChainPeers implements Shell {
  readonly #chain: ChainId
  readonly #log: Log
  #connected: { readonly peers: Peers; readonly validator: Validator } | null = null

  constructor(chain: ChainId, log: Log) {
    this.#chain = chain
    this.#log = log
  }

  topics(): readonly Topic[] {
    return Object.entries(JUDGES).map(([name, judge]) => ({
      name: this.#nameOf(name),
      bytesMax: PEER_MESSAGE_BYTES_MAX,
      judge: (_, bytes) => (this.#connected === null ? "ignore" : judge(this.#connected.validator, bytes)),
    }))
  }

  questions(): readonly Question[] {
    return Object.entries(ANSWERS).map(([name, answer]) => ({
      name: this.#nameOf(name),
      // Before it has started and after it has stopped a Core has nothing: that is nobody's fault.
      answer: (_, request) =>
        Promise.resolve(this.#connected === null ? NOTHING : answer(this.#connected.validator, request)),
    }))
  }

  connect(peers: Peers, validator: Validator): void {
    this.#connected = { peers, validator }
  }

  stop(): void {
    this.#connected = null
  }

  publish(topic: TopicName, bytes: Uint8Array): void {
    this.#connected?.peers.publish(this.#nameOf(topic), bytes).catch((error: unknown) => {
      // Nothing rests on it: who lacks it asks (M1).
      this.#log.warn("a message could not be given to the peers", { topic, error: messageOf(error) })
    })
  }

  peers(): readonly string[] {
    return this.#connected?.peers.connected() ?? []
  }

  async ask(peer: string, question: QuestionName, request: Uint8Array): Promise<Uint8Array | null> {
    const answer = await this.#connected?.peers.ask(peer, this.#nameOf(question), request)
    return answer?.ok ? answer.bytes : null
  }

  blame(peer: string, why: string): void {
    this.#connected?.peers.blame(peer, why)
  }

  /** Of one chain: who is on another one neither hears it nor answers. */
  #nameOf(name: string): string {
    return `${this.#chain}/${name}`
  }
}

function numberOf(request: Uint8Array): number | null {
  if (request.length !== NUMBER_BYTES) return null
  const number = new DataView(request.buffer, request.byteOffset).getBigUint64(0)
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : null
}
