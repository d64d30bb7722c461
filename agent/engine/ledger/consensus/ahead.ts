import { CONSENSUS_AHEAD_VOTES_BURST, CONSENSUS_AHEAD_VOTES_PER_S } from "../../../base/limits.ts"

/**
 * How many votes for later rounds a validator may still bring: a correct one needs a few a second at most, a faulty one
 * would fill the log. What is refused now may come again: with time there is room for it.
 */
export class AheadVotes {
  readonly #left = new Map<string, { readonly votes: number; readonly atMs: number }>()

  /** @param voter a validator of the height @returns whether one more may be taken */
  take(voter: string, nowMs: number): boolean {
    const { votes, atMs } = this.#left.get(voter) ?? { votes: CONSENSUS_AHEAD_VOTES_BURST, atMs: nowMs }
    const grown = votes + ((nowMs - atMs) * CONSENSUS_AHEAD_VOTES_PER_S) / 1000
    const left = Math.min(CONSENSUS_AHEAD_VOTES_BURST, grown)
    if (left < 1) return false
    this.#left.set(voter, { votes: left - 1, atMs: nowMs })
    return true
  }

  clear(): void {
    this.#left.clear()
  }
}
