import type { Address } from "../../../base/address.ts"
import { rankAt, RANKS, type Validator } from "../state/records.ts"
import type { State } from "../state/state.ts"

/** B4: who has stake and is not jailed may be chosen. */
export function putRank(state: State, address: Address, { tokens, jailedUntil }: Validator): void {
  if (tokens > 0n && jailedUntil === null) state.put(rankAt(tokens, address), {})
}

export function dropRank(state: State, address: Address, { tokens, jailedUntil }: Validator): void {
  if (tokens > 0n && jailedUntil === null) state.drop(rankAt(tokens, address))
}

/** @returns the validators with the most stake, the first of them first */
export function topRanks(state: State, count: number): readonly Address[] {
  return state.names(RANKS, count).map((name) => name.slice(name.lastIndexOf("/") + 1) as Address)
}
