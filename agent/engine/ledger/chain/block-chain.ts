/*
 * Blocks around consensus: what is proposed, what is judged, what is kept. Rules: docs/spec/chain.md.
 *
 *   a transaction -> mempool -> proposed block -> on the disk -> judged -> decided -> state, tip and block in one write
 */
import { messageOf } from "../../../base/errors.ts"
import {
  BLOCK_BYTES_MAX,
  BLOCK_FRAME_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  CHAIN_QUIET_MS,
  CHAIN_WAKE_GAP_MS,
} from "../../../base/network-limits.ts"
import { type Commit, type ReadBlock, encodeBlock, readBlock } from "../../../core/chain/block.ts"
import {
  applicationOf,
  blockFault,
  type BlockFault,
  headerAfter,
  signaturesOfBlock,
  timeAfter,
} from "../../../core/chain/check.ts"
import { commitOf } from "../../../core/chain/commit.ts"
import { type Tip, tipAfter } from "../../../core/chain/tip.ts"
import type { Address, Height, Round, ValueId } from "../../../core/consensus/terms.ts"
import { admissible, type Applied, applyBlock, type Receipt } from "../../../core/ledger/apply/apply.ts"
import type { Refusal } from "../../../core/ledger/apply/admission.ts"
import { accountAt } from "../../../core/ledger/state/records.ts"
import { State } from "../../../core/ledger/state/state.ts"
import type { TransactionId } from "../../../core/ledger/terms.ts"
import { signaturesOf } from "../../../core/ledger/transaction/signatures.ts"
import {
  encodeTransaction,
  type ReadTransaction,
  readTransaction,
} from "../../../core/ledger/transaction/transaction.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { Verifier } from "../../../ports/verifier.ts"
import type { Chain, Decision, NextHeight } from "../consensus/surroundings.ts"
import type { Blocks, DecidedBlock } from "./blocks.ts"
import { Mempool, type MempoolRefusal, type Standing } from "./mempool.ts"

/** The part of consensus that blocks speak to. */
export interface Decider {
  begin(): void
  propose(height: Height, round: Round, value: ValueId): void
  advance(): void
}

export interface ChainParts {
  readonly blocks: Blocks
  readonly verifier: Verifier
  readonly clock: Clock
  /** This validator's consensus address. */
  readonly me: Address
  /** A block is part of the chain now. */
  decided(block: DecidedBlock, receipts: readonly Receipt[]): void
  /** Nothing goes on until the agent is started again. */
  halted(error: Error): void
}

type Verdict =
  | { readonly ok: true; readonly applied: Applied & { ok: true } }
  | { readonly ok: false; readonly fault: Fault }
type Fault = BlockFault | Refusal | "SIGNATURE_INVALID"

interface Judged {
  readonly block: ReadBlock
  readonly verdict: Verdict
}

export type Submitted =
  | { readonly ok: true; readonly transaction: ReadTransaction }
  | { readonly ok: false; readonly code: SubmitRefusal }
export type SubmitRefusal = MempoolRefusal | "TRANSACTION_UNREADABLE" | "SIGNATURE_INVALID"

export class BlockChain implements Chain {
  readonly #parts: ChainParts
  readonly #mempool = new Mempool()
  /** Blocks of the height that is being decided: of each one verdict. */
  readonly #judged = new Map<ValueId, Promise<Judged>>()
  /** The one that this Core proposes at that height. */
  #made: ReadBlock | null = null
  #tip: Tip
  /** What decided the block of the tip. */
  #commit: Commit | null
  #consensus: Decider | null = null
  #cancelWake = () => {}
  #deciding: Promise<void> = Promise.resolve()

  /** @param tip what `blocks` holds @throws LedgerError STATE_DAMAGED */
  constructor(parts: ChainParts, tip: Tip) {
    this.#parts = parts
    this.#tip = tip
    this.#commit = tip.height === 0 ? null : parts.blocks.commitAt(tip.height)
  }

  /** After consensus has started: it begins where there is need. */
  connect(consensus: Decider): void {
    this.#consensus = consensus
    this.#wake()
  }

  stop(): void {
    this.#consensus = null
    this.#cancelWake()
  }

  get tip(): Tip {
    return this.#tip
  }

  get waiting(): number {
    return this.#mempool.size
  }

  /** Transactions that wait, as they came: the first that fit. */
  waitingFirst(bytesMax: number, countMax: number): readonly Uint8Array[] {
    return this.#mempool.first(bytesMax, countMax).map(encodeTransaction)
  }

  isWaiting(id: TransactionId): boolean {
    return this.#mempool.isWaiting(id)
  }

  /** Of the next transaction of this account. */
  nextNonce(sender: Address): number {
    return this.#mempool.nonceAfter(sender, State.over(this.#parts.blocks).get(accountAt(sender))?.nonce ?? 0)
  }

  next(): NextHeight {
    const { height, next, time } = this.#tip
    return { height: height + 1, validators: next.queue, lastTimeMs: time }
  }

  /** Of this Core or of another. @returns the transaction where it waits to be in a block now */
  async submit(bytes: Uint8Array): Promise<Submitted> {
    const transaction = readTransaction(bytes)
    if (transaction === null) return { ok: false, code: "TRANSACTION_UNREADABLE" }
    if (!this.#mempool.has(transaction)) {
      if (!(await this.#parts.verifier.areGood(signaturesOf(transaction))))
        return { ok: false, code: "SIGNATURE_INVALID" }
      const refusal = this.#mempool.add(transaction, this.#standing)
      if (refusal !== null) return { ok: false, code: refusal }
      this.#wake()
    }
    return { ok: true, transaction }
  }

  /**
   * The content of a proposal. When this resolves it is on the disk.
   * @returns whether it is valid; null where it is no block of the height that is being decided
   */
  async judge(bytes: Uint8Array): Promise<{ readonly block: ReadBlock; readonly valid: boolean } | null> {
    const block = readBlock(bytes)
    if (block === null || block.header.height !== this.#tip.height + 1) return null
    const { verdict } = await this.#judge(block)
    return { block, valid: verdict.ok }
  }

  wanted(height: Height, round: Round): void {
    void this.#inBackground(async () => {
      if (height !== this.#tip.height + 1) return
      // One for each height: where rounds go by, what was made is proposed again, or the disk would fill with blocks.
      this.#made ??= this.#make()
      const { block, verdict } = await this.#judge(this.#made)
      if (height !== this.#tip.height + 1) return
      if (!verdict.ok) throw new Error(`the block ${height} that was made here is invalid: ${verdict.fault}`)
      this.#consensus?.propose(height, round, block.id)
    })
  }

  decided(decision: Decision): void {
    this.#deciding = this.#inBackground(() => this.#decide(decision))
  }

  /** Resolves when what is being decided is on the disk. @returns whether the height is over then */
  async isPast(height: Height): Promise<boolean> {
    await this.#deciding
    return this.#tip.height >= height
  }

  get #standing(): Standing {
    const { chain, time } = this.#tip
    // V2 asks for the time of the block that it will be in: that is later.
    return { view: this.#parts.blocks, chain, time: time + 1 }
  }

  /** K10 */
  #wake(): void {
    this.#cancelWake()
    if (this.#consensus === null) return
    const { clock } = this.#parts
    const { isBusy, nextDue } = this.#tip
    const begin = () => this.#consensus?.begin()
    if (this.#mempool.size > 0 || clock.now() >= nextDue) begin()
    else if (isBusy) this.#cancelWake = clock.schedule(clock.now() + CHAIN_QUIET_MS, begin)
    else this.#cancelWake = clock.schedule(nextDue, () => this.#wake())
  }

  #make(): ReadBlock {
    const tip = this.#tip
    const commit = this.#commit
    const proposer = this.#parts.me
    const time = timeAfter(tip, commit)
    const read = this.#parts.clock.now() - time > CHAIN_WAKE_GAP_MS ? [] : this.#choose(time)
    const transactions = read.map(encodeTransaction)
    const header = headerAfter(tip, { commit, transactions, proposer })
    return readBlock(encodeBlock({ header, commit, transactions }))!
  }

  #choose(time: number): readonly ReadTransaction[] {
    const { chain, height } = this.#tip
    const transactions = this.#mempool.first(BLOCK_BYTES_MAX - BLOCK_FRAME_BYTES_MAX, BLOCK_TRANSACTIONS_MAX)
    const fit = admissible(this.#parts.blocks, { chain, height: height + 1, time, transactions, absent: [] })
    const kept = new Set(fit)
    for (const one of transactions) if (!kept.has(one)) this.#mempool.leaveOut(one)
    return fit
  }

  #judge(block: ReadBlock): Promise<Judged> {
    const known = this.#judged.get(block.id)
    if (known !== undefined) return known
    const judging = this.#judgeAnew(block)
    this.#judged.set(block.id, judging)
    return judging
  }

  async #judgeAnew(block: ReadBlock): Promise<Judged> {
    const [verdict] = await Promise.all([this.#verdictOn(block), this.#parts.blocks.keepProposed(block)])
    return { block, verdict }
  }

  async #verdictOn(block: ReadBlock): Promise<Verdict> {
    const tip = this.#tip
    const fault = blockFault(tip, block)
    if (fault !== null) return { ok: false, fault }
    const unknown = block.read.filter((transaction) => !this.#mempool.has(transaction))
    const signed = signaturesOfBlock(tip, { ...block, read: unknown })
    if (!(await this.#parts.verifier.areGood(signed))) return { ok: false, fault: "SIGNATURE_INVALID" }
    // The height was decided meanwhile: the state is another one, and nobody asks any more.
    if (tip !== this.#tip) return { ok: false, fault: "HEADER_WRONG" }
    const applied = applyBlock(this.#parts.blocks, applicationOf(tip, block))
    return applied.ok ? { ok: true, applied } : { ok: false, fault: applied.code }
  }

  /** E3: block, state and tip are on the disk before the next height. */
  async #decide({ height, value, proposal, commit }: Decision): Promise<void> {
    const { blocks } = this.#parts
    const judged = await (this.#judged.get(value) ?? this.#judgedOnDisk(height, value))
    if (!judged.verdict.ok) throw new Error(`block ${height} was decided and is invalid: ${judged.verdict.fault}`)
    const { applied } = judged.verdict
    const decided = { block: judged.block, proposal, commit: commitOf(commit, this.#tip.next.members) }
    const tip = tipAfter(this.#tip, judged.block, applied)
    await blocks.keep(decided, applied, this.#tip, tip)
    this.#tip = tip
    this.#commit = decided.commit
    this.#judged.clear()
    this.#made = null
    this.#mempool.settle(judged.block.read, this.#standing)
    this.#parts.decided(decided, applied.receipts)
    this.#consensus?.advance()
    this.#wake()
  }

  async #judgedOnDisk(height: Height, value: ValueId): Promise<Judged> {
    const block = this.#parts.blocks.proposed(height, value)
    if (block === null) throw new Error(`block ${height} was decided and its content is not here`)
    return this.#judge(block)
  }

  /** What is not foreseen must not be guessed over: the chain halts. */
  #inBackground(work: () => Promise<void>): Promise<void> {
    return work().catch((error: unknown) => {
      this.stop()
      this.#parts.halted(error instanceof Error ? error : new Error(messageOf(error)))
    })
  }
}
