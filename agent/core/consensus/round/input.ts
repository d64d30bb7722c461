import type { Height, Round, TimeoutStep, ValueId } from "../terms.ts"

/**
 * What the driver found to hold of the messages received: one condition of the paper each (docs/spec/consensus.md#round-machine).
 * Whether a value is valid, who proposes and what has a quorum is settled before.
 */
export type RoundInput =
  | { readonly kind: "new-round"; readonly round: Round; readonly proposer: boolean }
  | { readonly kind: "propose-value"; readonly value: ValueId }
  /** A valid proposal of this round that was not proposed before. */
  | { readonly kind: "proposal"; readonly value: ValueId }
  | { readonly kind: "proposal-invalid" }
  | { readonly kind: "proposal-and-polka-previous"; readonly value: ValueId; readonly polRound: Round }
  | { readonly kind: "proposal-invalid-and-polka-previous"; readonly value: ValueId }
  | { readonly kind: "polka-any" }
  | { readonly kind: "polka-nil" }
  | { readonly kind: "proposal-and-polka"; readonly value: ValueId }
  | { readonly kind: "precommit-any" }
  | { readonly kind: "proposal-and-commit"; readonly round: Round; readonly value: ValueId }
  | { readonly kind: "round-skip"; readonly round: Round }
  | { readonly kind: "timeout"; readonly step: TimeoutStep; readonly height: Height; readonly round: Round }
