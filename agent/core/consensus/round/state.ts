import { type Height, NO_ROUND, type Round, type ValueId } from "../terms.ts"

/**
 * `new`: no round of this height has begun. `unstarted`: a round was left, the next has not begun. `commit`: decided.
 * The paper has the three between them.
 */
export type Step = "new" | "unstarted" | "propose" | "prevote" | "precommit" | "commit"

/** The paper's variables of one process at one height; a round of NO_ROUND is its -1, a value of null its nil. */
export interface RoundState {
  readonly height: Height
  readonly round: Round
  readonly step: Step
  readonly lockedRound: Round
  readonly lockedValue: ValueId | null
  readonly validRound: Round
  readonly validValue: ValueId | null
}

/** Paper L2-L9. */
export function newHeight(height: Height): RoundState {
  return {
    height,
    round: NO_ROUND,
    step: "new",
    lockedRound: NO_ROUND,
    lockedValue: null,
    validRound: NO_ROUND,
    validValue: null,
  }
}
