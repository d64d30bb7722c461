/*
 * What decided a block, as the next one carries it. Rules: docs/spec/chain.md#commit.
 */
import type { Address } from "../../base/address.ts"
import { fromHex, toHex } from "../../base/bytes.ts"
import { type SignedVote, voteBytes } from "../consensus/message.ts"
import type { Height, ValueId } from "../consensus/terms.ts"
import { isQuorum } from "../consensus/validators.ts"
import { consensusAddress } from "../ledger/apply/committee.ts"
import type { CommitteeMember } from "../ledger/state/records.ts"
import type { ChainId, Signature, TimeMs } from "../ledger/terms.ts"
import type { Signed } from "../ledger/transaction/signatures.ts"
import type { Commit } from "./block.ts"

/** The members of a committee stand by ascending consensus address. */
type Members = readonly CommitteeMember[]

/** @param votes precommits of one round for one block, of members, each once */
export function commitOf(votes: readonly SignedVote[], members: Members): Commit {
  const byVoter = new Map(votes.map((vote) => [vote.voter as string, vote]))
  return {
    round: votes[0]?.round ?? 0,
    votes: members.map(({ key }) => {
      const vote = byVoter.get(consensusAddress(key))
      return vote === undefined ? null : { time: vote.timeMs, signature: toHex(vote.signature) as Signature }
    }),
  }
}

/** K3: one place for each member, and more than two thirds of the power. Signatures are for the caller to verify. */
export function isCommitOf(commit: Commit, members: Members): boolean {
  if (commit.votes.length !== members.length) return false
  return isQuorum(powerOf(commit, members), totalOf(members))
}

/** The votes of which a commit is made, as their voters said them. */
export function votesOf(commit: Commit, members: Members, height: Height, value: ValueId): readonly SignedVote[] {
  return members.flatMap(({ key }, place) => {
    const vote = commit.votes[place]
    if (vote == null) return []
    const said = { type: "precommit", height, round: commit.round, value, voter: consensusAddress(key) } as const
    return [{ ...said, timeMs: vote.time, signature: fromHex(vote.signature)! }]
  })
}

/** What of a commit must be verified. */
export function signaturesOfCommit(
  chain: ChainId,
  commit: Commit,
  members: Members,
  height: Height,
  value: ValueId,
): readonly Signed[] {
  const keys = new Map(members.map(({ key }) => [consensusAddress(key), key]))
  return votesOf(commit, members, height, value).map((vote) => ({
    key: keys.get(vote.voter)!,
    message: voteBytes(fromHex(chain)!, vote),
    signature: toHex(vote.signature) as Signature,
  }))
}

/** K5: accounts of members that a commit has no precommit of. */
export function absentOf(commit: Commit, members: Members): readonly Address[] {
  return members.filter((_, place) => commit.votes[place] == null).map(({ account }) => account)
}

/** K4: the earliest time that more than half of the commit's power is not later than. */
export function medianTime(commit: Commit, members: Members): TimeMs {
  const said = members.flatMap(({ power }, place) => {
    const vote = commit.votes[place]
    return vote == null ? [] : [{ power, time: vote.time }]
  })
  const half = powerOf(commit, members)
  let power = 0n
  for (const vote of said.sort((a, b) => a.time - b.time)) {
    power += vote.power
    if (2n * power > half) return vote.time
  }
  throw new RangeError("a commit without power has no time")
}

function powerOf(commit: Commit, members: Members): bigint {
  return members.reduce((sum, { power }, place) => (commit.votes[place] == null ? sum : sum + power), 0n)
}

function totalOf(members: Members): bigint {
  return members.reduce((sum, { power }) => sum + power, 0n)
}
