import type { Address as AnyAddress } from "../../base/address.ts"
import type { Branded } from "../../base/ids.ts"

/**
 * The words of the Tendermint paper (arXiv 1807.04938), as types. See docs/spec/consensus.md#terms.
 */

/** That of a consensus key. */
export type Address = AnyAddress
/** Names a value: consensus compares ids only, never the value itself. */
export type ValueId = Branded<"ValueId">
/** Which block is decided: a safe integer, never negative. */
export type Height = number
/** An attempt at a height: 0..2^31-1; NO_ROUND where the paper has -1. */
export type Round = number

export const NO_ROUND = -1

export type VoteType = "prevote" | "precommit"

/** One signed say of one validator; `value` null is the paper's nil. */
export interface Vote {
  readonly type: VoteType
  readonly height: Height
  readonly round: Round
  readonly value: ValueId | null
  readonly voter: Address
}

/** `polRound`: the round of the polka that lets a value be proposed again, or NO_ROUND (the paper's validRound). */
export interface Proposal {
  readonly height: Height
  readonly round: Round
  readonly value: ValueId
  readonly polRound: Round
  readonly proposer: Address
}

/** What a validator waits for at most so long: one timer per step and round. */
export type TimeoutStep = "propose" | "prevote" | "precommit"

/** Two different votes of one validator in one round and step: who holds them can prove it. */
export interface DoubleVote {
  readonly first: Vote
  readonly second: Vote
}
