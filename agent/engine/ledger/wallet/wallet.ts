/*
 * What an owner asks of the chain, in the name of an account of this home:
 *
 *   a wish -> what only this Core can say is added -> nonce, fee, touches, signature -> the mempool, and everybody
 */
import { parametersAt } from "../../../core/ledger/state/records.ts"
import { State } from "../../../core/ledger/state/state.ts"
import type { Amount, TransactionId } from "../../../core/ledger/terms.ts"
import type { Clock } from "../../../ports/clock.ts"
import type { SigningKey } from "../../../ports/signing-key.ts"
import { Turns } from "../../turns.ts"
import type { Submitted } from "../chain/block-chain.ts"
import type { KeptReceipt } from "../chain/blocks.ts"
import { NetworkError } from "../error.ts"
import { pause } from "../pause.ts"
import type { Validator } from "../validator/validator.ts"
import type { Accounts } from "./accounts.ts"
import { transactionOf } from "./sending.ts"
import {
  type Approval,
  approvalOf,
  bodyOf,
  type Enrolment,
  enrolmentOf,
  isDecider,
  type SetChange,
  type Surroundings,
  type Wish,
} from "./wish.ts"

export interface Waiting {
  /** How long to wait until it is in a block. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

export interface SendOptions extends Waiting {
  /** The name of an account of this home. */
  readonly from: string
  /** Another one, which pays the fee. */
  readonly payer: string | null
  /** Null: what it costs. */
  readonly feeLimit: Amount | null
}

export interface TransactionView {
  readonly id: TransactionId
  /** Null while it waits. */
  readonly receipt: KeptReceipt | null
}

export interface WalletParts {
  readonly accounts: Accounts
  readonly clock: Clock
  /** This Core's consensus key. */
  readonly key: SigningKey
  readonly validator: Validator
  readonly blocks: Surroundings["view"] & { transaction(id: TransactionId): KeptReceipt | null }
}

export class Wallet {
  readonly #parts: WalletParts
  readonly #turns = new Turns()
  readonly #awaited = new Map<TransactionId, () => void>()

  constructor(parts: WalletParts) {
    this.#parts = parts
  }

  /** @throws NetworkError ACCOUNT_NOT_FOUND, ACCOUNT_LOST, TRANSACTION_REFUSED, NOT_A_VALIDATOR, CHAIN_NOT_ENROLLED */
  async send(wish: Wish, { from, payer, feeLimit, ...waiting }: SendOptions): Promise<TransactionView> {
    const { accounts, validator, clock } = this.#parts
    const sender = accounts.keyOf(from)
    const paying = payer === null || payer === from ? null : accounts.keyOf(payer)
    // One after the other: two at once would have the same nonce.
    const submitted = await this.#turns.take(() => {
      const around = this.#around()
      const { chain } = validator
      const nonce = chain.nextNonce(sender.address)
      const body = bodyOf(wish, sender.address, around, this.#decides())
      const nowMs = Math.max(clock.now(), chain.tip.time)
      return validator.submit(transactionOf(body, { ...around, nonce, nowMs, sender, payer: paying, feeLimit }))
    })
    return this.#waited(submitted, waiting)
  }

  /** One that was signed elsewhere. @throws NetworkError TRANSACTION_REFUSED */
  async submit(bytes: Uint8Array, waiting: Waiting): Promise<TransactionView> {
    return this.#waited(await this.#parts.validator.submit(bytes), waiting)
  }

  /** @param named 64 hex digits @throws NetworkError TRANSACTION_NOT_FOUND */
  transaction(named: string): TransactionView {
    const { blocks, validator } = this.#parts
    const id = named as TransactionId
    const receipt = blocks.transaction(id)
    if (receipt !== null || validator.chain.isWaiting(id)) return { id, receipt }
    throw new NetworkError({ code: "TRANSACTION_NOT_FOUND", transaction: id }, `no transaction ${id} is known here`, {
      remedy: "it was never sent, it has expired without being in a block, or its block is not kept here any more",
    })
  }

  /** @throws NetworkError ACCOUNT_NOT_FOUND, ACCOUNT_LOST */
  enrolment(account: string): Enrolment {
    return enrolmentOf(this.#parts.accounts.keyOf(account).address, this.#around())
  }

  /** @throws NetworkError NOT_A_VALIDATOR, CHAIN_NOT_ENROLLED */
  approve(change: SetChange): Approval {
    const around = this.#around()
    if (!State.over(around.view).must(parametersAt).isEnrolled) {
      throw new NetworkError({ code: "CHAIN_NOT_ENROLLED" }, "on this chain stake decides who votes, not its members", {
        remedy: "bond or delegate: mesg stake",
      })
    }
    if (this.#decides()) return approvalOf(change, around)
    throw new NetworkError({ code: "NOT_A_VALIDATOR" }, "this Core has no vote on this chain", {
      remedy: "ask the owners of those that have one: mesg network validators",
    })
  }

  /** Receipts of a block that is part of the chain now. */
  decided(receipts: readonly { readonly id: TransactionId }[]): void {
    for (const { id } of receipts) this.#awaited.get(id)?.()
  }

  #around(): Surroundings {
    const { blocks, validator, key } = this.#parts
    return { chain: validator.chain.tip.chain, view: blocks, key }
  }

  #decides(): boolean {
    const { validator, key } = this.#parts
    return isDecider(validator.chain.tip.next.members, key)
  }

  async #waited(submitted: Submitted, { waitMs, signal }: Waiting): Promise<TransactionView> {
    if (!submitted.ok) throw refused(submitted.code)
    const { id } = submitted.transaction
    if (waitMs > 0) await this.#isInBlock(id, waitMs, signal)
    return this.transaction(id)
  }

  /** Resolves when it is, or nobody waits any longer. */
  async #isInBlock(id: TransactionId, waitMs: number, signal: AbortSignal): Promise<void> {
    const { clock, blocks } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited.set(id, resolve)
    if (blocks.transaction(id) === null) await pause(clock, waitMs, signal, promise)
    this.#awaited.delete(id)
  }
}

function refused(reason: string): NetworkError {
  return new NetworkError({ code: "TRANSACTION_REFUSED", reason }, `the chain does not take this: ${reason}`, {
    remedy: "docs/spec/ledger.md, Admission, says what each of these means",
  })
}
