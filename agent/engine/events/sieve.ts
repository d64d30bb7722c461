import { type Soon, soon, soonAll } from "../../base/soon.ts"
import { EVENT_JUDGEMENTS_MAX } from "../../base/limits.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import { conditionsOn } from "../../core/execution/transition.ts"
import type { Expressions } from "../../ports/expressions.ts"
import type { Event } from "../../schema/event.ts"
import { type EventScope, eventScope, executionScope, matches } from "../executions/evaluate.ts"
import type { Live } from "../executions/live.ts"

/** What is known of the executions that wait for an event, before any of them is locked. */
export interface Sifted {
  /** Whether the event changes nothing about this one, as it is now. */
  leavesOut(live: Live): boolean
}

/**
 * Many executions may wait for the same event, each under a condition of its own, and few of them are meant. Who is not
 * is found out here, side by side and with nobody's lock held: only who may be meant is fed, and judged again as it is
 * then. See docs/spec/events.md#those-that-wait
 */
export class Sieve {
  readonly #expressions: Expressions

  constructor(expressions: Expressions) {
    this.#expressions = expressions
  }

  /** Answers at once where every condition does. */
  sift(lives: readonly Live[], event: Event): Soon<Sifted> {
    if (lives.length === 0) return NOBODY
    const unmoved = new Map<Live, ExecutionState>()
    const asked = { event, scope: eventScope(event) }
    return soon(this.#judge(lives, 0, asked, unmoved), () => ({
      leavesOut: (live) => live.state !== null && unmoved.get(live) === live.state,
    }))
  }

  /** So many at a time: the conditions of other events have their turn in between. */
  #judge(lives: readonly Live[], at: number, asked: Asked, unmoved: Map<Live, ExecutionState>): Soon<unknown> {
    if (at >= lives.length) return null
    const batch = lives.slice(at, at + EVENT_JUDGEMENTS_MAX)
    const judged = soonAll(
      batch.map((live) => this.#look(live, asked, unmoved)),
      () => null,
    )
    const next = at + EVENT_JUDGEMENTS_MAX
    return judged instanceof Promise
      ? judged.then(() => this.#judge(lives, next, asked, unmoved))
      : this.#judge(lives, next, asked, unmoved)
  }

  #look(live: Live, { event, scope: awaited }: Asked, unmoved: Map<Live, ExecutionState>): Soon<unknown> {
    const { state } = live
    // What is changing, or due to change before the event counts, is judged with its lock.
    if (state === null || live.locked || (live.dueMs !== null && live.dueMs <= event.timeMs)) return null
    const conditions = conditionsOn(state, event)
    if (conditions === null) return null
    const scope = executionScope(state, live.triggerScope, awaited)
    const answers = conditions.map((where) => matches(this.#expressions, where, scope, event.timeMs))
    return soonAll(answers, (passes) => {
      if (!passes.includes(true)) unmoved.set(live, state)
    })
  }
}

interface Asked {
  readonly event: Event
  readonly scope: EventScope
}

const NOBODY: Sifted = { leavesOut: () => false }
