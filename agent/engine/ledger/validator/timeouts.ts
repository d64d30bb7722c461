import type { Round, TimeoutStep } from "../../../core/consensus/terms.ts"

/** How long a step is waited for in round 0, ms, and how much longer in each round after. Part of no rule: each Core's own. */
const FIRST_MS: Readonly<Record<TimeoutStep, number>> = { propose: 2000, prevote: 500, precommit: 500 }
const LONGER_MS = 500

export function timeoutMs(step: TimeoutStep, round: Round): number {
  return FIRST_MS[step] + round * LONGER_MS
}
