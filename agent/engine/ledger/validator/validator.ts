/*
 * One Core on one chain: consensus, blocks, and what comes from and goes to the others. What it makes of a message, by
 * docs/spec/chain.md#messages:
 *
 * | message      | reject                                             | ignore                         | accept       |
 * |--------------|----------------------------------------------------|--------------------------------|--------------|
 * | transactions | unreadable, a signature is not good                | none of them is taken          | one is taken |
 * | vote         | unreadable, of no validator, signature not good    | another height, not taken      | taken        |
 * | proposal     | those of a vote; its polka or block is another's   | another height, not taken      | taken        |
 */
import { fromHex, toHex } from "../../../base/bytes.ts"
import { TRANSACTIONS_PER_MESSAGE_MAX, WAITING_ANSWER_BYTES } from "../../../base/network-limits.ts"
import { encodeBlock } from "../../../core/chain/block.ts"
import { isCommitOf, votesOf } from "../../../core/chain/commit.ts"
import {
  type Decided,
  decidedMessage,
  headMessage,
  heldMessage,
  newestBytes,
  newestMessage,
  partsMessage,
  partsWantedMessage,
  type Proposed,
  proposedMessage,
  recordMessage,
  transactionsMessage,
  voteMessage,
} from "../../../core/chain/message.ts"
import type { Tip } from "../../../core/chain/tip.ts"
import { drive } from "../../../core/consensus/driver/driver.ts"
import {
  messageBytes,
  type SignedDoubleVote,
  type SignedMessage,
  type SignedProposal,
  type SignedVote,
  signerOf,
} from "../../../core/consensus/message.ts"
import type { Address, Height } from "../../../core/consensus/terms.ts"
import { consensusAddress } from "../../../core/ledger/apply/committee.ts"
import type { CommitteeMember } from "../../../core/ledger/state/records.ts"
import type { Signature } from "../../../core/ledger/terms.ts"
import { prove } from "../../../core/ledger/tree/proof.ts"
import type { ConsensusKey } from "../../../ports/consensus-key.ts"
import type { DurableFile } from "../../../ports/durable-file.ts"
import type { Log } from "../../../ports/log.ts"
import type { Verdict } from "../../../ports/peers.ts"
import type { SignedBytes } from "../../../ports/verifier.ts"
import { BlockChain, type ChainParts, type Submitted } from "../chain/block-chain.ts"
import { Consensus } from "../consensus/consensus.ts"
import { openSigner } from "../consensus/signer.ts"
import { Wal } from "../consensus/wal.ts"
import { Turns } from "../../turns.ts"
import { Outbox } from "./outbox.ts"
import { Pool } from "./pool.ts"
import type { Shell } from "./shell.ts"
import { timeoutMs } from "./timeouts.ts"

export interface ValidatorParts extends Omit<ChainParts, "me"> {
  readonly key: ConsensusKey
  readonly signState: DurableFile
  readonly wal: DurableFile
  readonly shell: Shell
  readonly log: Log
  evidence(evidence: SignedDoubleVote): void
}

export class Validator {
  readonly chain: BlockChain
  readonly consensus: Consensus
  readonly #parts: ValidatorParts
  readonly #chainId: Uint8Array
  readonly #pool = new Pool()
  readonly #outbox: Outbox
  readonly #turns = new Turns()

  /** @throws ValidatorError SIGN_STATE_MISSING, SIGN_STATE_DAMAGED; LedgerError STATE_DAMAGED */
  constructor(parts: ValidatorParts, tip: Tip) {
    const { clock, key, log } = parts
    this.#parts = parts
    this.#outbox = new Outbox(clock, (transactions) => {
      parts.shell.publish("transactions", transactionsMessage.encode(transactions))
    })
    this.#chainId = fromHex(tip.chain)!
    this.chain = new BlockChain({ ...parts, me: key.address }, tip)
    this.consensus = new Consensus({
      signer: openSigner({ key, chain: this.#chainId, file: parts.signState }),
      wal: new Wal(parts.wal, this.#chainId),
      clock,
      chain: this.chain,
      gossip: { say: (message) => this.#say(message), recall: (message) => this.#pool.add(message) },
      notices: {
        evidence: parts.evidence,
        unsigned: (what) => log.warn("a vote or proposal was not signed", { ...what }),
        dead: (why) => log.error("the consensus key signs nothing any more", { why }),
        halted: parts.halted,
      },
      chainId: this.#chainId,
      me: key.address,
      timeoutMs,
      drive,
    })
  }

  /** @throws ValidatorError WAL_DAMAGED, DiskError */
  start(): void {
    this.consensus.start()
    this.chain.connect(this.consensus)
  }

  stop(): void {
    this.#outbox.stop()
    this.chain.stop()
    this.consensus.stop()
  }

  /** The height that is being decided. */
  get height(): Height {
    return this.chain.tip.height + 1
  }

  /** Of this Core's own: everybody gets it. */
  async submit(bytes: Uint8Array): Promise<Submitted> {
    const submitted = await this.chain.submit(bytes)
    if (submitted.ok) this.#outbox.add(bytes)
    return submitted
  }

  async judgeTransactions(bytes: Uint8Array): Promise<Verdict> {
    const transactions = transactionsMessage.read(bytes)
    if (transactions === null) return "reject"
    const answers = await Promise.all(transactions.map((one) => this.chain.submit(one)))
    const isFalse = (one: Submitted) =>
      !one.ok && (one.code === "TRANSACTION_UNREADABLE" || one.code === "SIGNATURE_INVALID")
    if (answers.some(isFalse)) return "reject"
    return answers.some(({ ok }) => ok) ? "accept" : "ignore"
  }

  async judgeVote(bytes: Uint8Array): Promise<Verdict> {
    const vote = voteMessage.read(bytes)
    return vote === null ? "reject" : this.hearVote(vote)
  }

  async hearVote(vote: SignedVote): Promise<Verdict> {
    if (vote.height !== this.height || this.#pool.has(vote)) return "ignore"
    const message: SignedMessage = { kind: "vote", vote }
    if (!(await this.#isSigned([message]))) return "reject"
    if (vote.height !== this.height || !this.consensus.hearVote(vote)) return "ignore"
    this.#pool.add(message)
    return "accept"
  }

  async judgeProposal(bytes: Uint8Array): Promise<Verdict> {
    const proposed = proposedMessage.read(bytes)
    return proposed === null ? "reject" : this.hearProposed(proposed)
  }

  /** One after the other: what was taken of one proposer counts when the next of it is looked at. */
  hearProposed(proposed: Proposed): Promise<Verdict> {
    return this.#turns.take(() => this.#hearProposed(proposed))
  }

  async #hearProposed({ proposal, polka, block }: Proposed): Promise<Verdict> {
    if (!this.consensus.wants(proposal)) return "ignore"
    const message: SignedMessage = { kind: "proposal", proposal, polka }
    const votes = (polka ?? []).map((vote): SignedMessage => ({ kind: "vote", vote }))
    if (!(await this.#isSigned([message, ...votes]))) return "reject"
    const judged = await this.chain.judge(block)
    if (proposal.height !== this.height) return "ignore"
    if (judged === null || judged.block.id !== proposal.value) return "reject"
    if (!this.consensus.hearProposal(proposal, polka, judged.valid)) return "ignore"
    this.#pool.add(message)
    return "accept"
  }

  /**
   * What others decided at this height.
   * @returns whether it is so: the height is decided then, once its block is on the disk
   */
  async hearDecided({ block, proposal, commit }: Decided): Promise<boolean> {
    const { height } = this
    if (proposal.height !== height) return false
    const { members } = this.chain.tip.next
    if (!isCommitOf(commit, members) || commit.round !== proposal.round) return false
    const votes = votesOf(commit, members, height, proposal.value)
    const said = [
      { kind: "proposal", proposal, polka: null } as const,
      ...votes.map((vote) => ({ kind: "vote", vote }) as const),
    ]
    if (!(await this.#isSigned(said))) return false
    const judged = await this.chain.judge(block)
    if (judged?.block.id !== proposal.value || !judged.valid || height !== this.height) return false
    this.consensus.hearDecision(proposal, votes, true)
    return true
  }

  /** E4 @param nonce that was sent with the question @returns whether the answer is a validator's */
  async hearNewest(nonce: Uint8Array, bytes: Uint8Array): Promise<boolean> {
    const answer = newestMessage.read(bytes)
    const key = answer === null ? undefined : this.#keyOf(answer.peer)
    if (answer === null || key === undefined) return false
    const message = newestBytes(this.chain.tip.chain, nonce, answer)
    if (!(await this.#parts.verifier.areGood([{ key, message, signature: answer.signature }]))) return false
    const { address, publicKey } = this.#parts.key
    const said = messagesOf(answer)
    if (said.some((one) => signerOf(one) !== address)) return false
    if (!(await this.#parts.verifier.areGood(said.map((one) => this.#signed(one, publicKey))))) return false
    this.consensus.vouch(answer.peer, said)
    return true
  }

  /** @returns null where this Core does not have it */
  answerDecided(height: Height): Uint8Array | null {
    const found = this.#parts.blocks.at(height)
    if (found === null) return null
    return decidedMessage.encode({ ...found, block: encodeBlock(found.block) })
  }

  /** @param height null for the newest @returns null where this Core does not have it */
  answerHeader(height: Height | null): Uint8Array | null {
    return this.#parts.blocks.lightAt(height ?? this.chain.tip.height)
  }

  /** A record of the state as it is, with its proof: for whoever has the headers alone. */
  answerRecord(name: string): Uint8Array {
    const { blocks } = this.#parts
    const { height, isBusy } = this.chain.tip
    const proof = prove((path) => blocks.node(path), name)
    // A header names the state before its block: of one that did something the next one is to say what it led to.
    return recordMessage.encode({ height: isBusy ? height + 1 : height, value: blocks.record(name), proof })
  }

  /** Y1 @returns null where fewer than two blocks are here */
  answerHead(): Uint8Array | null {
    const head = this.#parts.blocks.head()
    return head && headMessage.encode(head)
  }

  /** Y3 @returns null for a request that nobody correct makes */
  answerParts(request: Uint8Array): Uint8Array | null {
    const wanted = partsWantedMessage.read(request)
    return wanted && partsMessage.encode(this.#parts.blocks.parts(wanted))
  }

  answerHeld(height: Height): Uint8Array {
    const message = this.#pool.proposal(height)
    return heldMessage.encode({ votes: this.#pool.votes(height), proposed: message && this.#proposed(message) })
  }

  /** The oldest of them, as many as one message may have. */
  answerWaiting(): Uint8Array {
    return transactionsMessage.encode(this.chain.waitingFirst(WAITING_ANSWER_BYTES, TRANSACTIONS_PER_MESSAGE_MAX))
  }

  answerNewest(nonce: Uint8Array, of: Address): Uint8Array {
    const { key } = this.#parts
    const answer = { peer: key.address, ...this.#pool.newest(of) }
    const signature = toHex(key.sign(newestBytes(this.chain.tip.chain, nonce, answer))) as Signature
    return newestMessage.encode({ ...answer, signature })
  }

  #say(message: SignedMessage): void {
    this.#pool.add(message)
    const { shell } = this.#parts
    if (message.kind === "vote") return shell.publish("votes", voteMessage.encode(message.vote))
    const proposed = this.#proposed(message)
    if (proposed !== null) shell.publish("proposals", proposedMessage.encode(proposed))
  }

  /** With its block, which is on the disk since before it was proposed or heard; null once the height is decided. */
  #proposed({ proposal, polka }: SignedMessage & { kind: "proposal" }): Proposed | null {
    const block = this.#parts.blocks.proposed(proposal.height, proposal.value)
    return block && { proposal, polka, block: encodeBlock(block) }
  }

  #isSigned(messages: readonly SignedMessage[]): Promise<boolean> {
    const signed: SignedBytes[] = []
    for (const message of messages) {
      const key = this.#keyOf(signerOf(message))
      if (key === undefined) return Promise.resolve(false)
      signed.push(this.#signed(message, key))
    }
    return this.#parts.verifier.areGood(signed)
  }

  #signed(message: SignedMessage, key: string): SignedBytes {
    const { signature } = message.kind === "vote" ? message.vote : message.proposal
    return { key, message: messageBytes(this.#chainId, message), signature: toHex(signature) }
  }

  /** Of a validator of the height that is being decided. */
  #keyOf(address: Address): string | undefined {
    return this.chain.tip.next.members.find((member: CommitteeMember) => consensusAddress(member.key) === address)?.key
  }
}

function messagesOf({ vote, proposal }: { vote: SignedVote | null; proposal: SignedProposal | null }): SignedMessage[] {
  return [
    ...(vote === null ? [] : [{ kind: "vote", vote } as const]),
    ...(proposal === null ? [] : [{ kind: "proposal", proposal, polka: null } as const]),
  ]
}
