import {
  TRANSACTIONS_GATHER_MS,
  TRANSACTIONS_MESSAGE_BYTES,
  TRANSACTIONS_PER_MESSAGE_MAX,
} from "../../../base/network-limits.ts"
import type { Clock } from "../../../ports/clock.ts"

/** Transactions of this Core on their way to everybody: one goes at once, those that come right behind it together. */
export class Outbox {
  readonly #clock: Clock
  readonly #send: (transactions: readonly Uint8Array[]) => void
  #gathered: Uint8Array[] = []
  #bytes = 0
  /** Null: nothing went lately. */
  #cancel: (() => void) | null = null

  constructor(clock: Clock, send: (transactions: readonly Uint8Array[]) => void) {
    this.#clock = clock
    this.#send = send
  }

  add(transaction: Uint8Array): void {
    if (this.#bytes + transaction.length > TRANSACTIONS_MESSAGE_BYTES) this.#flush()
    this.#gathered.push(transaction)
    this.#bytes += transaction.length
    if (this.#cancel === null || this.#gathered.length === TRANSACTIONS_PER_MESSAGE_MAX) this.#flush()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #flush(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.#gathered.length === 0) return
    const transactions = this.#gathered
    this.#gathered = []
    this.#bytes = 0
    this.#cancel = this.#clock.schedule(this.#clock.now() + TRANSACTIONS_GATHER_MS, () => this.#flush())
    this.#send(transactions)
  }
}
