import type { Address } from "../../../base/address.ts"
import { blockId } from "../../../core/chain/block.ts"
import type { Tip } from "../../../core/chain/tip.ts"
import { consensusAddress } from "../../../core/ledger/apply/committee.ts"
import type { Page, Paging } from "../../core.ts"
import { pageSize } from "../../page.ts"
import type { Blocks } from "./blocks.ts"

export interface BlockView {
  readonly height: number
  readonly id: string
  /** ms since 1970, by its header. */
  readonly timeMs: number
  readonly transactions: number
  /** By its consensus key. */
  readonly proposer: Address
  /** In which round it was decided, and by how many votes. */
  readonly round: number
  readonly votes: number
}

export interface ValidatorView {
  readonly account: Address
  /** 64 hex digits. */
  readonly key: string
  readonly address: Address
  readonly power: bigint
  /** It proposes in the first round of the height that is being decided. */
  readonly proposes: boolean
}

/** Newest first. The cursor is a height. */
export function blockViews(blocks: Blocks, tip: Tip, { limit, cursor }: Paging): Page<BlockView> {
  const first = cursor === undefined ? tip.height : Math.min(tip.height, Number(cursor) - 1)
  const last = Math.max(1, first - pageSize(limit) + 1)
  const items: BlockView[] = []
  for (let height = first; height >= last; height--) {
    const decided = blocks.at(height)
    if (decided === null) break
    const { header, transactions } = decided.block
    const { round, votes } = decided.commit
    const cast = votes.filter((vote) => vote !== null).length
    const { time: timeMs, proposer } = header
    const count = transactions.length
    items.push({ height, id: blockId(header), timeMs, transactions: count, proposer, round, votes: cast })
  }
  return { items, cursor: last > 1 && items.length > 0 ? String(last) : null }
}

/** Who decides the next height, by ascending consensus address. */
export function validatorViews({ next }: Tip): readonly ValidatorView[] {
  return next.members.map(({ account, key, power }) => {
    const address = consensusAddress(key)
    return { account, key, address, power, proposes: next.queue.proposer === address }
  })
}
