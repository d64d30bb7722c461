/*
 * Turns votes into thresholds. Rules: docs/spec/consensus.md#votes.
 *
 * | rule | vote or certificate                            | answer                                               |
 * |------|------------------------------------------------|------------------------------------------------------|
 * | K1   | the first of its voter in this round and type  | it counts                                            |
 * | K2   | another that says something else               | it does not count; a double vote, told once          |
 * | K3   | a certificate: a quorum for one value          | all of it counts; the value's threshold, every time  |
 * | K4   | in a later round, with > 1/3 of the power there | skip, as long as that round is later                |
 * | K5   | a quorum for the vote's value                  | polka-value, polka-nil or precommit-value, once      |
 * | K6   | a quorum, but for no one value                 | polka-any or precommit-any, once                     |
 * | K7   | of another height, of no validator, out of bounds | refused                                           |
 * | K8   | of its voter's ninth later round               | the voter's lowest of them is forgotten, or refused  |
 */
import {
  CONSENSUS_ROUND_MAX,
  CONSENSUS_ROUNDS_AHEAD_MAX,
  CONSENSUS_ROUNDS_BEHIND_MAX,
} from "../../../base/network-limits.ts"
import type { Address, DoubleVote, Height, Round, ValueId, Vote, VoteType } from "../terms.ts"
import { isHonest, isQuorum, powerOf, type ValidatorSet } from "../validators.ts"
import { count, countCertified, NO_VOTES, type Tally, votesFor, weightFor, without } from "./tally.ts"
import { type Threshold, thresholdKey } from "./threshold.ts"

/** All votes of one height that count, or prove something. */
export interface VoteKeeper {
  readonly height: Height
  readonly validators: ValidatorSet
  readonly rounds: ReadonlyMap<Round, RoundVotes>
}

interface RoundVotes {
  readonly tallies: Readonly<Record<VoteType, Tally>>
  /** Who voted here by itself, not in a certificate, and their power. */
  readonly heard: ReadonlySet<Address>
  readonly heardWeight: bigint
  /** Keys of the thresholds that were told. */
  readonly told: ReadonlySet<string>
}

/** Why a vote was not taken. NOT_A_CERTIFICATE: not a quorum of validators for one value in one round and type. */
export type VoteRefusal = "OTHER_HEIGHT" | "NOT_A_VALIDATOR" | "ROUND_OUT_OF_BOUNDS" | "NOT_A_CERTIFICATE"

export interface Applied {
  readonly keeper: VoteKeeper
  readonly threshold: Threshold | null
  readonly evidence: readonly DoubleVote[]
  readonly refused: VoteRefusal | null
}

const NO_ROUND_VOTES: RoundVotes = {
  tallies: { prevote: NO_VOTES, precommit: NO_VOTES },
  heard: new Set(),
  heardWeight: 0n,
  told: new Set(),
}

export function newKeeper(height: Height, validators: ValidatorSet): VoteKeeper {
  return { height, validators, rounds: new Map() }
}

/**
 * Takes one vote. What is kept, and comes back in evidence and certificates, is the very object given.
 * @param vote its signature was verified
 * @param currentRound the round of the round machine
 */
export function applyVote(keeper: VoteKeeper, vote: Vote, currentRound: Round): Applied {
  const { validators, height } = keeper
  if (vote.height !== height) return refuse(keeper, "OTHER_HEIGHT")
  const power = powerOf(validators, vote.voter)
  if (power === 0n) return refuse(keeper, "NOT_A_VALIDATOR")
  const oldest = currentRound - CONSENSUS_ROUNDS_BEHIND_MAX
  if (!isRound(vote.round) || vote.round < oldest) return refuse(keeper, "ROUND_OUT_OF_BOUNDS")
  const bounded = forgetting(keeper, vote, power, currentRound)
  if (bounded === null) return refuse(keeper, "ROUND_OUT_OF_BOUNDS")
  const votes = bounded.rounds.get(vote.round) ?? NO_ROUND_VOTES
  const { tally, conflict } = count(votes.tallies[vote.type], vote, power)
  const known = votes.heard.has(vote.voter)
  const next: RoundVotes = {
    ...votes,
    tallies: { ...votes.tallies, [vote.type]: tally },
    heard: known ? votes.heard : new Set(votes.heard).add(vote.voter),
    heardWeight: known ? votes.heardWeight : votes.heardWeight + power,
  }
  const threshold = thresholdBy(next, vote, currentRound, validators.total)
  const evidence = conflict === null ? [] : [{ first: conflict, second: vote }]
  if (threshold === null || threshold.kind === "skip") {
    return { keeper: withRound(bounded, vote.round, next), threshold, evidence, refused: null }
  }
  const told = new Set(next.told).add(thresholdKey(threshold))
  return { keeper: withRound(bounded, vote.round, { ...next, told }), threshold, evidence, refused: null }
}

/** Takes a quorum of votes for one value as they come from somebody who has them all (K3). */
export function applyCertificate(keeper: VoteKeeper, votes: readonly Vote[]): Applied {
  const { validators, height } = keeper
  const [any] = votes
  if (any === undefined || any.value === null || !isRound(any.round)) return refuse(keeper, "NOT_A_CERTIFICATE")
  if (any.height !== height) return refuse(keeper, "OTHER_HEIGHT")
  const { type, round, value } = any
  const same = votes.filter((vote): vote is Vote & { value: ValueId } => {
    return vote.type === type && vote.height === height && vote.round === round && vote.value === value
  })
  const voters = new Set(same.map(({ voter }) => voter))
  const weight = [...voters].reduce((sum, voter) => sum + powerOf(validators, voter), 0n)
  if (same.length !== votes.length || voters.size !== votes.length || !isQuorum(weight, validators.total)) {
    return refuse(keeper, "NOT_A_CERTIFICATE")
  }
  const before = keeper.rounds.get(round) ?? NO_ROUND_VOTES
  const evidence: DoubleVote[] = []
  let tally = before.tallies[type]
  for (const vote of same) {
    const power = powerOf(validators, vote.voter)
    if (power === 0n) return refuse(keeper, "NOT_A_VALIDATOR")
    const counted = countCertified(tally, vote, power)
    if (counted.conflict !== null) evidence.push({ first: counted.conflict, second: vote })
    tally = counted.tally
  }
  const next = withRound(keeper, round, { ...before, tallies: { ...before.tallies, [type]: tally } })
  return { keeper: next, threshold: ofValue(type, round, value), evidence, refused: null }
}

/** @returns whether this very vote is kept: it counts, or proves something */
export function isKept(keeper: VoteKeeper, vote: Vote): boolean {
  const tally = keeper.rounds.get(vote.round)?.tallies[vote.type]
  return tally?.first.get(vote.voter) === vote || tally?.second.get(vote.voter) === vote
}

/** @returns whether its voter is known to have voted in its round, by itself and not in a certificate alone (K4) */
export function isHeard(keeper: VoteKeeper, { round, voter }: Vote): boolean {
  return keeper.rounds.get(round)?.heard.has(voter) ?? false
}

/** @returns whether a vote like it counts for its value already */
export function isCounted(keeper: VoteKeeper, { round, type, value, voter }: Vote): boolean {
  const tally = keeper.rounds.get(round)?.tallies[type]
  if (tally?.first.get(voter)?.value === value) return true
  return value !== null && tally?.certified.get(value)?.has(voter) === true
}

/** @returns whether a quorum voted so in that round: for a value, for nil, or for whatever it was */
export function hasQuorum(keeper: VoteKeeper, round: Round, type: VoteType, value: ValueId | null | "any"): boolean {
  const tally = keeper.rounds.get(round)?.tallies[type]
  if (tally === undefined) return false
  return isQuorum(value === "any" ? tally.weight : weightFor(tally, value), keeper.validators.total)
}

/** @returns the quorum of votes for a value, or null where there is none */
export function certificate(keeper: VoteKeeper, round: Round, type: VoteType, value: ValueId): readonly Vote[] | null {
  if (!hasQuorum(keeper, round, type, value)) return null
  return votesFor(keeper.rounds.get(round)!.tallies[type], value)
}

/** @returns the highest later round in which more than a third of the power voted, or null */
export function roundAhead(keeper: VoteKeeper, currentRound: Round): Round | null {
  let highest: Round | null = null
  for (const [round, { heardWeight }] of keeper.rounds) {
    if (round > (highest ?? currentRound) && isHonest(heardWeight, keeper.validators.total)) highest = round
  }
  return highest
}

/** K4, K5, K6: what holds as the vote's value sees it, where it was not told before. */
function thresholdBy(votes: RoundVotes, vote: Vote, currentRound: Round, total: bigint): Threshold | null {
  const { type, round, value } = vote
  if (round > currentRound && isHonest(votes.heardWeight, total)) return { kind: "skip", round }
  const tally = votes.tallies[type]
  const forValue = isQuorum(weightFor(tally, value), total)
  if (!forValue && !isQuorum(tally.weight, total)) return null
  const reached = forValue ? ofValue(type, round, value) : ofAny(type, round)
  return votes.told.has(thresholdKey(reached)) ? null : reached
}

function ofValue(type: VoteType, round: Round, value: ValueId | null): Threshold {
  if (type === "prevote") return value === null ? { kind: "polka-nil", round } : { kind: "polka-value", round, value }
  // A quorum of precommits for nil says no more than a quorum of any (L47).
  return value === null ? ofAny(type, round) : { kind: "precommit-value", round, value }
}

function ofAny(type: VoteType, round: Round): Threshold {
  return { kind: type === "prevote" ? "polka-any" : "precommit-any", round }
}

/**
 * K8: a validator fills no more than its share of the later rounds, and only with its own newest.
 * @returns null where the vote itself is in the lowest of too many
 */
function forgetting(keeper: VoteKeeper, { voter, round }: Vote, power: bigint, currentRound: Round): VoteKeeper | null {
  if (round <= currentRound) return keeper
  const ahead = [...keeper.rounds]
    .filter(([at, { heard }]) => at > currentRound && heard.has(voter))
    .map(([at]) => at)
    .sort((a, b) => a - b)
  if (ahead.length < CONSENSUS_ROUNDS_AHEAD_MAX || ahead.includes(round)) return keeper
  const lowest = ahead[0]!
  if (round < lowest) return null
  const votes = keeper.rounds.get(lowest)!
  const heard = new Set(votes.heard)
  heard.delete(voter)
  const tallies = {
    prevote: without(votes.tallies.prevote, voter, power),
    precommit: without(votes.tallies.precommit, voter, power),
  }
  const heardWeight = votes.heardWeight - power
  const rounds = new Map(keeper.rounds).set(lowest, { ...votes, heard, heardWeight, tallies })
  if (heard.size === 0 && tallies.prevote.weight + tallies.precommit.weight === 0n) rounds.delete(lowest)
  return { ...keeper, rounds }
}

function withRound(keeper: VoteKeeper, round: Round, votes: RoundVotes): VoteKeeper {
  return { ...keeper, rounds: new Map(keeper.rounds).set(round, votes) }
}

/** What a process in this round needs no more: rounds further behind it than CONSENSUS_ROUNDS_BEHIND_MAX. */
export function prune(keeper: VoteKeeper, currentRound: Round): VoteKeeper {
  const oldest = currentRound - CONSENSUS_ROUNDS_BEHIND_MAX
  const rounds = new Map([...keeper.rounds].filter(([round]) => round >= oldest))
  return rounds.size === keeper.rounds.size ? keeper : { ...keeper, rounds }
}

function isRound(round: Round): boolean {
  return Number.isInteger(round) && round >= 0 && round <= CONSENSUS_ROUND_MAX
}

function refuse(keeper: VoteKeeper, refused: VoteRefusal): Applied {
  return { keeper, threshold: null, evidence: [], refused }
}
