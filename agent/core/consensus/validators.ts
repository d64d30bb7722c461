import { VALIDATORS_MAX } from "../../base/network-limits.ts"
import { ConsensusError } from "./error.ts"
import type { Address } from "./terms.ts"

/** T3: one staked token is one vote; `power` is the stake in base units, more than 0. */
export interface Validator {
  readonly address: Address
  readonly power: bigint
}

/** A validator in the queue of proposers: the highest priority proposes next. */
export interface QueuedValidator extends Validator {
  readonly priority: bigint
}

/** Who decides a height: 1..VALIDATORS_MAX validators by ascending address, and who proposes in its round 0. */
export interface ValidatorSet {
  readonly validators: readonly QueuedValidator[]
  readonly total: bigint
  readonly proposer: Address
}

/** @returns 0 for who is no validator */
export function powerOf({ validators }: Pick<ValidatorSet, "validators">, address: Address): bigint {
  return find(validators, address)?.power ?? 0n
}

/** T4, more than two thirds: any two such sets have a correct validator in common while less than a third is faulty. */
export function isQuorum(weight: bigint, total: bigint): boolean {
  return 3n * weight > 2n * total
}

/** T4, more than a third: at least one of them is correct while less than a third is faulty. */
export function isHonest(weight: bigint, total: bigint): boolean {
  return 3n * weight > total
}

/** @param validators by ascending address */
export function find<One extends Validator>(validators: readonly One[], address: Address): One | undefined {
  let low = 0
  let high = validators.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (validators[middle]!.address < address) low = middle + 1
    else high = middle
  }
  const found = validators[low]
  return found?.address === address ? found : undefined
}

/**
 * @returns the same validators by ascending address
 * @throws ConsensusError VALIDATORS_INVALID: none or too many, one twice, a power that is not positive
 */
export function inOrder<One extends Validator>(validators: readonly One[]): readonly One[] {
  const sorted = [...validators].sort((a, b) => (a.address < b.address ? -1 : 1))
  if (sorted.length === 0 || sorted.length > VALIDATORS_MAX) {
    throw invalid(`a set has 1 to ${VALIDATORS_MAX} validators, not ${sorted.length}`)
  }
  for (const [i, { address, power }] of sorted.entries()) {
    if (sorted[i + 1]?.address === address) throw invalid(`validator ${address} is there twice`)
    if (power <= 0n) throw invalid(`validator ${address} has the power ${power}`)
  }
  return sorted
}

export function totalPower(validators: readonly Validator[]): bigint {
  return validators.reduce((sum, { power }) => sum + power, 0n)
}

export function invalid(why: string): ConsensusError {
  return new ConsensusError({ code: "VALIDATORS_INVALID" }, `The validator set cannot be: ${why}.`)
}
