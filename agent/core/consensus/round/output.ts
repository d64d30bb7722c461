import type { Height, Round, TimeoutStep, ValueId, VoteType } from "../terms.ts"

/** What the process does next. Who it is, and that it signs nothing twice, is not the round machine's to know. */
export type RoundOutput =
  /** Paper L18, and a timer for the step propose: the value may be long in coming. */
  | { readonly kind: "get-value"; readonly height: Height; readonly round: Round }
  | {
      readonly kind: "proposal"
      readonly height: Height
      readonly round: Round
      readonly value: ValueId
      readonly polRound: Round
    }
  | {
      readonly kind: "vote"
      readonly type: VoteType
      readonly height: Height
      readonly round: Round
      readonly value: ValueId | null
    }
  | { readonly kind: "timeout"; readonly step: TimeoutStep; readonly round: Round }
  | { readonly kind: "skip"; readonly round: Round }
  | { readonly kind: "decision"; readonly round: Round; readonly value: ValueId }
