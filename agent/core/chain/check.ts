/*
 * What a block must say after the one before: everything in its header follows from the tip and from what it carries. So
 * it is made anew and compared. Rules: docs/spec/chain.md#validity.
 */
import type { Address } from "../../base/address.ts"
import { powerOf } from "../consensus/validators.ts"
import type { Block as Application } from "../ledger/apply/apply.ts"
import type { TimeMs } from "../ledger/terms.ts"
import { type Signed, signaturesOf } from "../ledger/transaction/signatures.ts"
import type { ValueId } from "../consensus/terms.ts"
import { absentOf, isCommitOf, medianTime, signaturesOfCommit } from "./commit.ts"
import { type Commit, commitHash, type Header, type ReadBlock } from "./block.ts"
import { rootOf, rootOfList } from "./mountains.ts"
import { committeeHash, nextSeed, type Tip, turnsHash } from "./tip.ts"

/** Why a block cannot follow: docs/spec/chain.md#validity. */
export type BlockFault = "COMMIT_MISPLACED" | "COMMIT_INVALID" | "PROPOSER_UNKNOWN" | "HEADER_WRONG"

/** What a proposer chooses. */
export interface Content {
  readonly commit: Commit | null
  /** As they are encoded, with their signatures. */
  readonly transactions: readonly Uint8Array[]
  /** By its consensus key. */
  readonly proposer: Address
}

/** @param content whose commit is of the block before @returns the one header that a block with it has */
export function headerAfter(tip: Tip, { commit, transactions, proposer }: Content): Header {
  return {
    version: 1,
    chain: tip.chain,
    height: tip.height + 1,
    time: timeAfter(tip, commit),
    parent: tip.id,
    commit: commit && commitHash(commit),
    transactions: rootOfList(transactions),
    appHash: tip.appHash,
    receipts: tip.receipts,
    deciders: committeeHash(tip.next.members),
    nextDeciders: committeeHash(tip.afterNext.members),
    turns: turnsHash(tip),
    history: rootOf(tip.history),
    seed: nextSeed(tip),
    preimage: null,
    proposer,
  }
}

/** K4: it is later than the one before, whatever the clocks of those who voted say. */
export function timeAfter(tip: Tip, commit: Commit | null): TimeMs {
  return Math.max(commit === null ? 0 : medianTime(commit, tip.last), tip.time + 1)
}

/** Before its signatures are looked at, and before it is applied. */
export function blockFault(tip: Tip, block: ReadBlock): BlockFault | null {
  const { header, commit, transactions } = block
  if ((commit === null) !== (tip.id === null)) return "COMMIT_MISPLACED"
  if (commit !== null && !isCommitOf(commit, tip.last)) return "COMMIT_INVALID"
  if (powerOf(tip.next.queue, header.proposer) === 0n) return "PROPOSER_UNKNOWN"
  const due = headerAfter(tip, { commit, transactions, proposer: header.proposer })
  const names = Object.keys(due) as (keyof Header)[]
  return names.every((name) => due[name] === header[name]) ? null : "HEADER_WRONG"
}

/** Every signature that a block rests on; a commit's first. */
export function signaturesOfBlock(tip: Tip, { commit, read }: Pick<ReadBlock, "commit" | "read">): readonly Signed[] {
  const ofCommit =
    commit === null || tip.id === null
      ? []
      : signaturesOfCommit(tip.chain, commit, tip.last, tip.height, tip.id as string as ValueId)
  return [...ofCommit, ...read.flatMap(signaturesOf)]
}

/** What the ledger is given of a block. */
export function applicationOf(
  tip: Tip,
  { header, commit, read }: Pick<ReadBlock, "header" | "commit" | "read">,
): Application {
  return {
    chain: tip.chain,
    height: header.height,
    time: header.time,
    transactions: read,
    absent: commit === null ? [] : absentOf(commit, tip.last),
  }
}
