import type { Round, ValueId } from "../terms.ts"

/** What the votes of a round have reached. "any": of a quorum, whatever each of them says. */
export type Threshold =
  | { readonly kind: "polka-any"; readonly round: Round }
  | { readonly kind: "polka-nil"; readonly round: Round }
  | { readonly kind: "polka-value"; readonly round: Round; readonly value: ValueId }
  | { readonly kind: "precommit-any"; readonly round: Round }
  | { readonly kind: "precommit-value"; readonly round: Round; readonly value: ValueId }
  /** More than a third of the power voted in a later round. */
  | { readonly kind: "skip"; readonly round: Round }

/** The same text for the same threshold of one round. */
export function thresholdKey(threshold: Threshold): string {
  return "value" in threshold ? `${threshold.kind} ${threshold.value}` : threshold.kind
}
