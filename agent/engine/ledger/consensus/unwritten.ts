import { WAL_UNWRITTEN_MAX } from "../../../base/network-limits.ts"
import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import type { RoundState } from "../../../core/consensus/round/state.ts"
import type { DriverState } from "../../../core/consensus/driver/state.ts"
import { isCounted, isHeard, isKept } from "../../../core/consensus/votes/keeper.ts"
import type { LogEntry } from "./log-entry.ts"

/**
 * Inputs that nothing was said after yet: they are lost at a crash as if they had never come. What changed nothing is
 * never written.
 */
export class Unwritten {
  #waiting: LogEntry[] = []

  get isFull(): boolean {
    return this.#waiting.length >= WAL_UNWRITTEN_MAX
  }

  /** @param before the driver before the input @param after and after it, with what followed */
  add(entry: LogEntry, before: DriverState, after: DriverState, outputs: readonly DriverOutput[]): void {
    const isQuiet = outputs.length === 0 && isSameStep(before, after)
    if (!isQuiet || hasLeft(before, after, entry.input)) this.#waiting.push(entry)
  }

  /** In order. */
  take(): readonly LogEntry[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }
}

function isSameStep({ round: before }: DriverState, { round: after }: DriverState): boolean {
  return (Object.keys(before) as (keyof RoundState)[]).every((name) => before[name] === after[name])
}

/** Whether a quiet input changed anything that may matter later. */
function hasLeft(before: DriverState, after: DriverState, input: DriverInput): boolean {
  switch (input.kind) {
    case "vote":
      return !isHeard(before.votes, input.vote) || isKept(after.votes, input.vote)
    case "proposal":
      return before.proposals !== after.proposals
    case "certificate":
      return !input.votes.every((vote) => isCounted(before.votes, vote))
    // A timer that did nothing when it went will do nothing later.
    case "timeout":
      return false
    case "start":
    case "value":
      return true
  }
}
