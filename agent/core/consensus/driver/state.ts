import type { RoundInput } from "../round/input.ts"
import { newHeight, type RoundState } from "../round/state.ts"
import { type Address, type Height, NO_ROUND, type Proposal, type Round, type ValueId } from "../terms.ts"
import type { ValidatorSet } from "../validators.ts"
import { newKeeper, type VoteKeeper } from "../votes/keeper.ts"

/** What this process said in its round; nothing of it is said twice (D6). */
export type Said = "proposal" | "prevote" | "precommit"

/** A condition that holds and waits for its turn; it is dropped when its round is over. */
export interface Pending {
  readonly round: Round
  readonly input: RoundInput
}

/** A proposal of the right proposer, and what the application says of its value. */
export interface KeptProposal extends Proposal {
  readonly valid: boolean
}

/** One process at one height: the round machine, and all it needs to know to be fed. */
export interface DriverState {
  /** Who this process is; it says nothing if that is no validator of the height. */
  readonly me: Address
  readonly validators: ValidatorSet
  readonly round: RoundState
  readonly votes: VoteKeeper
  /** In the order they came. */
  readonly proposals: readonly KeptProposal[]
  readonly pending: readonly Pending[]
  /** The step or the round is another than before the last turn: what was kept may fit now. */
  readonly changed: boolean
  /** Of this round: keys of the inputs that the round machine had, with the step it was in. */
  readonly had: ReadonlySet<string>
  readonly said: ReadonlySet<Said>
  /** A value was asked for in this round and did not come yet. */
  readonly asked: boolean
  readonly decision: { readonly round: Round; readonly value: ValueId } | null
}

/** A process that has not begun its first round; votes and proposals of the height are kept already. */
export function newDriver(me: Address, height: Height, validators: ValidatorSet): DriverState {
  return {
    me,
    validators,
    round: newHeight(height),
    votes: newKeeper(height, validators),
    proposals: [],
    pending: [],
    changed: false,
    had: new Set(),
    said: new Set(),
    asked: false,
    decision: null,
  }
}

export function hasStarted({ round }: DriverState): boolean {
  return round.round > NO_ROUND
}
