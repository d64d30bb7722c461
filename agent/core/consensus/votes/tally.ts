import type { Address, ValueId, Vote } from "../terms.ts"

/** The votes of one type in one round. Rules: docs/spec/consensus.md#votes. */
export interface Tally {
  /** K1: what each validator said first, which is what counts. */
  readonly first: ReadonlyMap<Address, Vote>
  /** K2: one vote of a validator that says something else: the proof against it. */
  readonly second: ReadonlyMap<Address, Vote>
  /** K3: second votes that count for their value, because they came in a certificate. */
  readonly certified: ReadonlyMap<ValueId, ReadonlyMap<Address, Vote>>
  readonly weights: ReadonlyMap<ValueId | null, bigint>
  /** Of everybody in `first`. */
  readonly weight: bigint
}

export const NO_VOTES: Tally = {
  first: new Map(),
  second: new Map(),
  certified: new Map(),
  weights: new Map(),
  weight: 0n,
}

export function weightFor(tally: Tally, value: ValueId | null): bigint {
  return tally.weights.get(value) ?? 0n
}

/** @returns the votes that make up the weight for a value */
export function votesFor(tally: Tally, value: ValueId): readonly Vote[] {
  const first = [...tally.first.values()].filter((vote) => vote.value === value)
  return [...first, ...(tally.certified.get(value)?.values() ?? [])]
}

/** A tally with one more vote; `conflict` is the vote it contradicts, if that is new. */
export interface Counted {
  readonly tally: Tally
  readonly conflict: Vote | null
}

/** @param power the voter's */
export function count(tally: Tally, vote: Vote, power: bigint): Counted {
  const first = tally.first.get(vote.voter)
  if (first === undefined) {
    const weights = added(tally.weights, vote.value, power)
    const next = { ...tally, first: withEntry(tally.first, vote.voter, vote), weights, weight: tally.weight + power }
    return { tally: next, conflict: null }
  }
  if (first.value === vote.value || tally.second.has(vote.voter)) return { tally, conflict: null }
  return { tally: { ...tally, second: withEntry(tally.second, vote.voter, vote) }, conflict: first }
}

/** As `count`, but the vote counts for its value whatever its voter said before. @param vote one for a value */
export function countCertified(tally: Tally, vote: Vote & { readonly value: ValueId }, power: bigint): Counted {
  const counted = count(tally, vote, power)
  const said = counted.tally.certified.get(vote.value)
  if (counted.tally.first.get(vote.voter)!.value === vote.value || said?.has(vote.voter)) return counted
  const certified = withEntry(
    counted.tally.certified,
    vote.value,
    withEntry(said ?? new Map<Address, Vote>(), vote.voter, vote),
  )
  const weights = added(counted.tally.weights, vote.value, power)
  return { tally: { ...counted.tally, certified, weights }, conflict: counted.conflict }
}

/** The tally as if that validator had sent nothing by itself. */
export function without(tally: Tally, voter: Address, power: bigint): Tally {
  const gone = tally.first.get(voter)
  if (gone === undefined) return tally
  const [first, second] = [new Map(tally.first), new Map(tally.second)]
  first.delete(voter)
  second.delete(voter)
  return { ...tally, first, second, weights: added(tally.weights, gone.value, -power), weight: tally.weight - power }
}

function added(
  weights: ReadonlyMap<ValueId | null, bigint>,
  value: ValueId | null,
  power: bigint,
): ReadonlyMap<ValueId | null, bigint> {
  return withEntry(weights, value, (weights.get(value) ?? 0n) + power)
}

function withEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): ReadonlyMap<Key, Value> {
  return new Map(map).set(key, value)
}
