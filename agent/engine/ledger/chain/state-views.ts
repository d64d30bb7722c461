import type { Address } from "../../../base/address.ts"
import { accountOf } from "../../../core/ledger/apply/purses.ts"
import {
  type Lot,
  lotsBy,
  memberAt,
  parametersAt,
  readLot,
  readService,
  SERVICES,
  VALIDATORS,
  type Service,
} from "../../../core/ledger/state/records.ts"
import { State, type View } from "../../../core/ledger/state/state.ts"
import type { Amount } from "../../../core/ledger/terms.ts"
import type { Page, Paging } from "../../core.ts"
import { pageSize } from "../../page.ts"

/** What the state says of an account. Of one that nobody has used: nothing but zeros. */
export interface AccountState {
  readonly address: Address
  readonly balance: Amount
  /** Of its next transaction. */
  readonly nonce: number
  /** Whether it may send on this chain; null where anybody may. */
  readonly isMember: boolean | null
}

export interface LotView extends Pick<Lot, "tokens" | "from" | "until"> {
  readonly validator: Address
  readonly number: number
}

export interface ServiceOnChain extends Service {
  readonly manifest: string
}

/** What may be asked of the state after the newest block. */
export class ChainState {
  readonly #view: View
  readonly #state: State

  constructor(view: View) {
    this.#view = view
    this.#state = State.over(view)
  }

  account(address: Address): AccountState {
    const { balance, nonce } = accountOf(this.#state, address)
    const { isEnrolled } = this.#state.must(parametersAt)
    return { address, balance, nonce, isMember: isEnrolled ? this.#state.get(memberAt(address)) !== null : null }
  }

  /** The stake of an account, by validator and age. */
  lots(owner: Address): readonly LotView[] {
    const lots: LotView[] = []
    for (const name of this.#names(VALIDATORS)) {
      const validator = name.slice(VALIDATORS.length) as Address
      for (const lot of this.#names(lotsBy(validator, owner))) {
        const { tokens, from, until } = this.#state.must(readLot(lot))
        lots.push({ validator, number: Number(lot.slice(lotsBy(validator, owner).length)), tokens, from, until })
      }
    }
    return lots
  }

  /** The services of the market, by manifest. The cursor is the last one shown. */
  services({ limit, cursor }: Paging): Page<ServiceOnChain> {
    const size = pageSize(limit)
    const items: ServiceOnChain[] = []
    for (const name of this.#names(SERVICES, cursor)) {
      const last = items.at(-1)
      if (items.length === size && last !== undefined) return { items, cursor: last.manifest }
      items.push({ manifest: name.slice(SERVICES.length), ...this.#state.must(readService(name)) })
    }
    return { items, cursor: null }
  }

  *#names(prefix: string, after = ""): Generator<string> {
    let name = this.#view.next(prefix, `${prefix}${after}`)
    for (; name !== null; name = this.#view.next(prefix, name)) yield name
  }
}
