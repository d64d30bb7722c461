import type { RoundRejection } from "../round/transition.ts"
import type { DoubleVote, Height, Proposal, Round, TimeoutStep, ValueId, Vote } from "../terms.ts"
import type { VoteRefusal } from "../votes/keeper.ts"
import type { DriverState } from "./state.ts"

/** What a process does. A vote and a proposal are to be signed, at most once each, and sent. */
export type DriverOutput =
  | { readonly kind: "get-value"; readonly height: Height; readonly round: Round }
  /** `polka`: where the value is proposed again, the votes that let it be; they travel with it. */
  | { readonly kind: "proposal"; readonly proposal: Proposal; readonly polka: readonly Vote[] | null }
  | { readonly kind: "vote"; readonly vote: Vote }
  /** A timer of that height, round and step; one that runs already is left running. */
  | { readonly kind: "timeout"; readonly step: TimeoutStep; readonly height: Height; readonly round: Round }
  | {
      readonly kind: "decision"
      readonly height: Height
      readonly round: Round
      readonly value: ValueId
      readonly commit: readonly Vote[]
    }
  | { readonly kind: "evidence"; readonly evidence: DoubleVote }

/** Why a turn changed nothing. */
export type DriverRefusal =
  | VoteRefusal
  | "STARTED"
  | "DECIDED"
  | "NOT_THE_PROPOSER"
  | "PROPOSALS_ENOUGH"
  | "NOT_ASKED"
  | "SAID"

/** `rejected` is the round machine's word, `refused` the driver's. */
export interface Turned {
  readonly state: DriverState
  readonly outputs: readonly DriverOutput[]
  readonly rejected: RoundRejection | null
  readonly refused: DriverRefusal | null
}
