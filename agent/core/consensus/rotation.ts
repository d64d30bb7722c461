/*
 * Who proposes: weighted round robin, decision for decision as CometBFT's. Rules: docs/spec/consensus.md#proposer.
 *
 * Validators stand in a queue by priority. A turn moves each ahead by its power; who is first proposes and goes back by
 * the power of all. So over a turn for each unit of power everybody proposed as often as it has power.
 */
import {
  find,
  inOrder,
  invalid,
  type QueuedValidator,
  totalPower,
  type Validator,
  type ValidatorSet,
} from "./validators.ts"
import type { Address, Round } from "./terms.ts"

/** The spread of priorities is held within so many times the power of all. */
const WINDOW = 2n

type Queue = readonly QueuedValidator[]

/** @throws ConsensusError VALIDATORS_INVALID */
export function genesisValidators(validators: readonly Validator[]): ValidatorSet {
  return turns(changed([], validators), 1)
}

/**
 * C5: the validators of the next height.
 * @param changes who joins or has another power; power 0 leaves. At most one for each address.
 * @throws ConsensusError VALIDATORS_INVALID: also one that leaves and was not there
 */
export function nextValidators(set: ValidatorSet, changes: readonly Validator[]): ValidatorSet {
  return turns(changes.length === 0 ? set.validators : changed(set.validators, changes), 1)
}

/** C6: the proposer of a round of the height that `set` decides. @param round 0.. */
export function proposerOf(set: ValidatorSet, round: Round): Address {
  return round <= 0 ? set.proposer : turns(set.validators, round).proposer
}

/** Remembers the proposers of the last rounds asked for, so that a round is not counted up anew for each message. */
export function proposers(set: ValidatorSet): (round: Round) => Address {
  let [lastRound, last] = [-1, set.proposer]
  return (round) => {
    if (round !== lastRound) [lastRound, last] = [round, proposerOf(set, round)]
    return last
  }
}

/** C2 and C3 once, then a turn (C4) after the other. @param count 1.. */
function turns(queue: Queue, count: number): ValidatorSet {
  const total = totalPower(queue)
  let validators = centred(rescaled(queue, WINDOW * total))
  let proposer = validators[0]!
  for (let i = 0; i < count; i++) {
    validators = validators.map((one) => ({ ...one, priority: one.priority + one.power }))
    proposer = first(validators)
    validators = validators.map((one) => (one === proposer ? { ...one, priority: one.priority - total } : one))
  }
  return { validators, total, proposer: proposer.address }
}

/** C1: who joins begins behind everybody, at -1.125 times the power of all before anybody leaves. */
function changed(queue: Queue, changes: readonly Validator[]): Queue {
  const powers = new Map(changes.map(({ address, power }) => [address, power]))
  if (powers.size < changes.length) throw invalid("one address changes twice")
  const known = (address: Address) => find(queue, address) !== undefined
  const stranger = changes.find(({ address, power }) => power === 0n && !known(address))
  if (stranger !== undefined) throw invalid(`${stranger.address} leaves and was not there`)
  const joining = changes.filter(({ address }) => !known(address))
  const staying = queue.filter(({ address }) => powers.get(address) !== 0n)
  const kept = staying.map((one) => ({ ...one, power: powers.get(one.address) ?? one.power }))
  const power = totalPower(kept) + totalPower(joining) + totalPower(queue.filter((one) => !staying.includes(one)))
  const priority = -(power + (power >> 3n))
  const next = inOrder([...kept, ...joining.map((one) => ({ address: one.address, power: one.power, priority }))])
  return centred(rescaled(next, WINDOW * totalPower(next)))
}

/** C2: a spread wider than the window is divided by the smallest whole number that makes it fit; towards zero. */
function rescaled(queue: Queue, window: bigint): Queue {
  let [lowest, highest] = [queue[0]!.priority, queue[0]!.priority]
  for (const { priority } of queue) {
    if (priority < lowest) lowest = priority
    if (priority > highest) highest = priority
  }
  const spread = highest - lowest
  if (spread <= window) return queue
  const ratio = (spread + window - 1n) / window
  return queue.map((one) => ({ ...one, priority: one.priority / ratio }))
}

/** C3: the average, rounded down, is taken from each. */
function centred(queue: Queue): Queue {
  const count = BigInt(queue.length)
  const sum = queue.reduce((all, { priority }) => all + priority, 0n)
  const average = sum / count - (sum % count < 0n ? 1n : 0n)
  return average === 0n ? queue : queue.map((one) => ({ ...one, priority: one.priority - average }))
}

/** C4: the highest priority; of equals the lower address, which stands first. */
function first(queue: Queue): QueuedValidator {
  return queue.reduce((best, one) => (one.priority > best.priority ? one : best))
}
