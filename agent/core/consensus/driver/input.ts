import type { RoundInput } from "../round/input.ts"
import type { Height, Proposal, Round, TimeoutStep, ValueId, Vote } from "../terms.ts"

/**
 * What can happen to a process. Signatures are verified, and `valid` is what the application says of the value.
 * What this process says itself comes back here too, once it is signed: it hears itself as it hears the others.
 */
export type DriverInput =
  /** The height begins. @see docs/spec/consensus.md#driver D1 */
  | { readonly kind: "start" }
  | { readonly kind: "proposal"; readonly proposal: Proposal; readonly valid: boolean }
  /** The value that a `get-value` of that height and round asked for. */
  | { readonly kind: "value"; readonly height: Height; readonly round: Round; readonly value: ValueId }
  | { readonly kind: "vote"; readonly vote: Vote }
  | { readonly kind: "certificate"; readonly votes: readonly Vote[] }
  | { readonly kind: "timeout"; readonly step: TimeoutStep; readonly height: Height; readonly round: Round }

/** A turn is an input, or one of the two things a process does by itself. */
export type Turn =
  | DriverInput
  /** Looks again at what was kept: the step or the round changed. */
  | { readonly kind: "step-change" }
  /** Gives the round machine a pending input: this one, or the oldest. */
  | { readonly kind: "pending"; readonly input: RoundInput | null }
