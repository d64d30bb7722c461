import { WAL_UNWRITTEN_MAX } from "../../../base/limits.ts"
import type { DriverInput } from "../../../core/consensus/driver/input.ts"
import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import type { DriverState } from "../../../core/consensus/driver/state.ts"
import { hasQuorum, isKept } from "../../../core/consensus/votes/keeper.ts"
import type { LogEntry } from "./log-entry.ts"

interface Waiting {
  readonly entry: LogEntry
  /** Nothing followed from it yet: it only counts as long as it is kept. */
  readonly isQuiet: boolean
}

/**
 * Inputs that nothing was said after yet. They are lost at a crash as if they had never come, so they wait here, and
 * what counts no more by then is never written: a faulty validator cannot fill the log with votes for rounds to come.
 */
export class Unwritten {
  #waiting: Waiting[] = []

  get isFull(): boolean {
    return this.#waiting.length >= WAL_UNWRITTEN_MAX
  }

  /** @param before the driver before the input @param after and after it, with what followed */
  add(entry: LogEntry, before: DriverState, after: DriverState, outputs: readonly DriverOutput[]): void {
    const isQuiet = outputs.length === 0 && isSameStep(before, after)
    if (!isQuiet || hasLeft(before, after, entry.input)) this.#waiting.push({ entry, isQuiet })
  }

  /** What counts still, in order. */
  take(state: DriverState): readonly LogEntry[] {
    const taken = this.#counting(state)
    this.#waiting = []
    return taken.map(({ entry }) => entry)
  }

  /** Forgets what counts no more. */
  forget(state: DriverState): void {
    this.#waiting = this.#counting(state)
  }

  clear(): void {
    this.#waiting = []
  }

  /** K8: a vote that was displaced had reached no threshold, so without it everything else is as it is. */
  #counting({ votes }: DriverState): Waiting[] {
    return this.#waiting.filter(({ entry: { input }, isQuiet }) => {
      return !isQuiet || input.kind !== "vote" || isKept(votes, input.vote)
    })
  }
}

function isSameStep({ round: before }: DriverState, { round: after }: DriverState): boolean {
  const { round, step, lockedRound, validRound } = before
  const isSameRound = round === after.round && step === after.step
  return isSameRound && lockedRound === after.lockedRound && validRound === after.validRound
}

/** Whether a quiet input changed anything that may matter later. */
function hasLeft(before: DriverState, after: DriverState, input: DriverInput): boolean {
  switch (input.kind) {
    case "vote":
      return isKept(after.votes, input.vote)
    case "proposal":
      return before.proposals !== after.proposals
    case "certificate": {
      const [any] = input.votes
      return any === undefined || !hasQuorum(before.votes, any.round, any.type, any.value)
    }
    // A timer that did nothing when it went will do nothing later.
    case "timeout":
      return false
    case "start":
    case "value":
      return true
  }
}
