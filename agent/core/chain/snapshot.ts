/*
 * Where a chain stands, for a Core that has not seen its blocks: made of two headers, of which the newer one is trusted,
 * and of what these name. Nothing in it is believed. Rules: docs/spec/chain.md#state-sync.
 */
import { record, type ValueOf } from "../ledger/layout.ts"
import type { TimeMs } from "../ledger/terms.ts"
import { blockId, type Header } from "./block.ts"
import { lightBlock } from "./light.ts"
import { mountains, rootOf, rootOfList } from "./mountains.ts"
import { committeeHash, queue, type Tip, turnsHash } from "./tip.ts"

/** The last block, the one before it, and what the last one's header names by hashes alone. */
export const snapshotHead = record({
  before: lightBlock,
  last: lightBlock,
  next: queue,
  afterNext: queue,
  history: mountains,
})
export type SnapshotHead = ValueOf<typeof snapshotHead>

const NO_TRANSACTIONS = rootOfList([])

/**
 * Y2: the tip before the last block: the state that it stands for is the one that the last header names.
 * @param nextDue by that state
 * @returns null where one thing does not fit another: who gave it has lied
 */
export function tipOfSnapshot(head: SnapshotHead, nextDue: TimeMs): Tip | null {
  const { before, last, history } = head
  const [from, to] = [before.header, last.header]
  if (from.height + 1 !== to.height || blockId(from) !== (to.parent as string | null)) return null
  if (committeeHash(before.members) !== from.deciders) return null
  const tip: Tip = {
    chain: to.chain,
    height: from.height,
    time: from.time,
    id: to.parent,
    appHash: to.appHash,
    receipts: to.receipts,
    last: before.members,
    next: { members: last.members, queue: head.next },
    afterNext: { members: last.nextMembers, queue: head.afterNext },
    history,
    seed: from.seed,
    nextDue,
    isBusy: from.transactions !== NO_TRANSACTIONS || from.appHash !== to.appHash,
  }
  return isNamedBy(tip, to) ? tip : null
}

function isNamedBy(tip: Tip, header: Header): boolean {
  return (
    rootOf(tip.history) === header.history &&
    turnsHash(tip) === header.turns &&
    committeeHash(tip.next.members) === header.deciders &&
    committeeHash(tip.afterNext.members) === header.nextDeciders
  )
}
