import type { Address } from "../../../base/address.ts"
import { MEMPOOL_BYTES_MAX, MEMPOOL_TRANSACTIONS_PER_SENDER_MAX } from "../../../base/network-limits.ts"
import { type Refusal, refusalOf } from "../../../core/ledger/apply/admission.ts"
import { accountAt, parametersAt } from "../../../core/ledger/state/records.ts"
import { State, type View } from "../../../core/ledger/state/state.ts"
import type { ChainId, TimeMs, TransactionId } from "../../../core/ledger/terms.ts"
import type { ReadTransaction } from "../../../core/ledger/transaction/transaction.ts"

/** Why a transaction does not wait here: docs/spec/ledger.md#admission, and two of its own. */
export type MempoolRefusal = Refusal | "MEMPOOL_FULL" | "MEMPOOL_SENDER_FULL"

/** Where the chain stands, as admission sees it. */
export interface Standing {
  readonly view: View
  readonly chain: ChainId
  readonly time: TimeMs
}

/** Transactions that wait to be in a block, in the order they came; those of one sender by their nonces, without a gap. */
export class Mempool {
  readonly #waiting = new Map<TransactionId, ReadTransaction>()
  readonly #ofSender = new Map<Address, ReadTransaction[]>()
  #bytes = 0

  get size(): number {
    return this.#waiting.size
  }

  /** Whether just these bytes wait here: another signature over the same transaction is no part of its id (X3). */
  has({ id, signature, payerSignature }: ReadTransaction): boolean {
    const known = this.#waiting.get(id)
    return known?.signature === signature && known.payerSignature === payerSignature
  }

  isWaiting(id: TransactionId): boolean {
    return this.#waiting.has(id)
  }

  /** @param next the nonce that the sender's account has @returns the one after those that wait */
  nonceAfter(sender: Address, next: number): number {
    const last = this.#ofSender.get(sender)?.at(-1)
    return last === undefined ? next : last.unsigned.nonce + 1
  }

  /** @param transaction its signatures were verified @returns null where it waits now */
  add(transaction: ReadTransaction, { view, chain, time }: Standing): MempoolRefusal | null {
    const state = State.over(view)
    const refusal = refusalOf(state, state.must(parametersAt), chain, time, transaction)
    const { sender, unsigned, bytes } = transaction
    const before = this.#ofSender.get(sender) ?? []
    const follows = before.length > 0 && unsigned.nonce === before.at(-1)!.unsigned.nonce + 1
    if (refusal !== null && !(refusal === "NONCE_AHEAD" && follows)) return refusal
    // One with the nonce of another that waits: the first one counts.
    if (refusal === null && before.length > 0) return "NONCE_USED"
    if (before.length >= MEMPOOL_TRANSACTIONS_PER_SENDER_MAX) return "MEMPOOL_SENDER_FULL"
    if (this.#bytes + bytes > MEMPOOL_BYTES_MAX) return "MEMPOOL_FULL"
    this.#waiting.set(transaction.id, transaction)
    this.#ofSender.set(sender, [...before, transaction])
    this.#bytes += bytes
    return null
  }

  /** The first that fit. @param bytesMax of all of them */
  first(bytesMax: number, countMax: number): readonly ReadTransaction[] {
    const taken: ReadTransaction[] = []
    let bytes = 0
    for (const transaction of this.#waiting.values()) {
      bytes += transaction.bytes
      if (bytes > bytesMax || taken.length >= countMax) break
      taken.push(transaction)
    }
    return taken
  }

  /** After a block: what was in it, and what now can be in none, waits no longer. */
  settle(inBlock: readonly ReadTransaction[], { view, time }: Standing): void {
    const state = State.over(view)
    for (const sender of new Set(inBlock.map((transaction) => transaction.sender))) {
      const nonce = state.get(accountAt(sender))?.nonce ?? 0
      for (const one of this.#ofSender.get(sender) ?? []) if (one.unsigned.nonce < nonce) this.#drop(one)
    }
    for (const one of this.#waiting.values()) {
      if (one.unsigned.validUntil < time) this.#dropFrom(one)
    }
  }

  /** One that a block left out: nothing of its sender that comes after it can be in one. */
  leaveOut(transaction: ReadTransaction): void {
    this.#dropFrom(transaction)
  }

  #dropFrom({ sender, unsigned }: ReadTransaction): void {
    for (const one of this.#ofSender.get(sender) ?? []) if (one.unsigned.nonce >= unsigned.nonce) this.#drop(one)
  }

  #drop(transaction: ReadTransaction): void {
    const { id, sender, bytes } = transaction
    if (!this.#waiting.delete(id)) return
    this.#bytes -= bytes
    const rest = this.#ofSender.get(sender)!.filter((one) => one !== transaction)
    if (rest.length === 0) this.#ofSender.delete(sender)
    else this.#ofSender.set(sender, rest)
  }
}
