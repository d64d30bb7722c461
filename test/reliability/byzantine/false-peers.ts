import { pause } from "../../../agent/base/pause.ts"
import { fromHex } from "../../../agent/base/bytes.ts"
import { encodeBlock, readBlock } from "../../../agent/core/chain/block.ts"
import { headerAfter } from "../../../agent/core/chain/check.ts"
import { decidedMessage, headMessage, proposedMessage, voteMessage } from "../../../agent/core/chain/message.ts"
import { proposalBytes, type SignedVote, voteBytes } from "../../../agent/core/consensus/message.ts"
import type { ValueId } from "../../../agent/core/consensus/terms.ts"
import type { ChainId } from "../../../agent/core/ledger/terms.ts"
import { ChainPeers } from "../../../agent/engine/ledger/validator/chain-peers.ts"
import type { TopicName } from "../../../agent/engine/ledger/validator/shell.ts"
import type { Validator } from "../../../agent/engine/ledger/validator/validator.ts"
import type { ConsensusKey } from "../../../agent/ports/consensus-key.ts"
import type { Log } from "../../../agent/ports/log.ts"
import type { Question, Topic } from "../../../agent/ports/peers.ts"
import { falseHead } from "../../support/ledger/false-head.ts"

/** What a validator can do that is not right. */
export const SINS = ["equivocate", "flood", "lie"] as const
export type Sin = (typeof SINS)[number]

/** How far ahead it says that it is. */
const LIE_HEIGHTS = 1_000_000
/** As long as one may take to answer (PEER_REQUEST_MS_MAX), nearly. */
const DAWDLE_MS = 9000
const NO_SIGNATURE = new Uint8Array(64)
const ANOTHER_VALUE = "ab".repeat(32) as ValueId

/**
 * The way of a validator that is not right to the others. Equivocates: beside each vote another one for something else,
 * beside each proposal one of another block. Lies: of where the chain stands, taking its time, and of what was decided. What it sends by
 * itself, to flood, is in `flood`.
 */
export class FalsePeers extends ChainPeers {
  readonly #chain: ChainId
  readonly #key: ConsensusKey
  readonly #sins = new Set<Sin>()
  #self: Validator | null = null
  /** How often it did each. */
  readonly done: Record<Sin, number> = { equivocate: 0, flood: 0, lie: 0 }

  constructor(chain: ChainId, log: Log, key: ConsensusKey) {
    super(chain, log)
    this.#chain = chain
    this.#key = key
  }

  begin(sin: Sin): void {
    this.#sins.add(sin)
  }

  end(sin: Sin): void {
    this.#sins.delete(sin)
  }

  override serve(validator: Validator | null): void {
    this.#self = validator
    super.serve(validator)
  }

  /** It turns a deaf ear to what it said itself: that would kill its key (G7). */
  override topics(): readonly Topic[] {
    return super.topics().map((topic) => ({
      ...topic,
      judge: (from, bytes) => {
        const own = voteMessage.read(bytes)?.voter === this.#key.address
        return own ? "ignore" : topic.judge(from, bytes)
      },
    }))
  }

  override questions(): readonly Question[] {
    return super.questions().map((question) => ({
      ...question,
      answer: async (from, request, signal) => {
        const answer = await question.answer(from, request, signal)
        // It is asked what leads to the head that it showed.
        if (this.#sins.has("lie") && question.name.endsWith("/header")) await pause(DAWDLE_MS, signal)
        const lie = this.#sins.has("lie") ? this.#lie(question.name, answer) : null
        if (lie !== null) this.done.lie++
        return lie ?? answer
      },
    }))
  }

  override publish(topic: TopicName, bytes: Uint8Array): void {
    super.publish(topic, bytes)
    const other = this.#sins.has("equivocate") ? this.#other(topic, bytes) : null
    if (other === null) return
    this.done.equivocate++
    super.publish(topic, other)
  }

  /** Messages that cost everybody a look, and that nobody is blamed for: votes of heights to come. */
  flood(messages: number): void {
    if (!this.#sins.has("flood") || this.#self === null) return
    const { height } = this.#self
    for (let i = 0; i < messages; i++) {
      const to = height + 1 + (this.done.flood++ % LIE_HEIGHTS)
      const vote = { type: "precommit", height: to, round: 0, value: ANOTHER_VALUE, timeMs: this.done.flood } as const
      super.publish("votes", voteMessage.encode({ ...vote, voter: this.#key.address, signature: NO_SIGNATURE }))
    }
  }

  #other(topic: TopicName, bytes: Uint8Array): Uint8Array | null {
    const chain = fromHex(this.#chain)!
    if (topic === "votes") {
      const vote = voteMessage.read(bytes)!
      const value = vote.value === null ? ANOTHER_VALUE : null
      const other: Omit<SignedVote, "signature"> = { ...vote, value }
      return voteMessage.encode({ ...other, signature: this.#key.sign(voteBytes(chain, other)) })
    }
    if (topic === "transactions" || this.#self === null) return null
    const { proposal, polka, block } = proposedMessage.read(bytes)!
    const { commit, transactions } = readBlock(block)!
    const { tip } = this.#self.chain
    if (transactions.length === 0 || proposal.height !== tip.height + 1) return null
    const header = headerAfter(tip, { commit, transactions: [], proposer: this.#key.address })
    const empty = readBlock(encodeBlock({ header, commit, transactions: [] }))!
    const other = { ...proposal, value: empty.id }
    return proposedMessage.encode({
      proposal: { ...other, signature: this.#key.sign(proposalBytes(chain, other)) },
      polka,
      block: encodeBlock(empty),
    })
  }

  /** @returns null where it says how it is */
  #lie(name: string, answer: Uint8Array | null): Uint8Array | null {
    if (answer === null || this.#self === null) return null
    if (name.endsWith("/head")) {
      const head = headMessage.read(answer)
      return head && headMessage.encode(falseHead(head, LIE_HEIGHTS))
    }
    if (!name.endsWith("/decided") || answer.length > 0) return null
    // The height that is not decided: what was decided at the one before it.
    const before = decidedMessage.read(this.#self.answerDecided(this.#self.height - 1) ?? answer)
    return before && decidedMessage.encode({ ...before, proposal: { ...before.proposal, height: this.#self.height } })
  }
}
