import { type Soon, soon } from "../../base/soon.ts"
import type { Effect } from "../../core/execution/effect.ts"
import type { Input } from "../../core/execution/input.ts"
import type { RejectionCode } from "../../core/execution/rejection.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import { Step } from "../../core/execution/step.ts"
import { createExecution, isUnmoved, takeInput } from "../../core/execution/transition.ts"
import type { Expressions } from "../../ports/expressions.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"
import type { Change } from "../../ports/store.ts"
import type { Json } from "../../schema/json.ts"
import { secretLost } from "./attempt.ts"
import { type EventScope, eventScope, executionScope, matches, render } from "./evaluate.ts"
import type { Recorded } from "./journal.ts"
import type { Live } from "./live.ts"

/** What one step made of an execution: to be written whole, then acted upon. */
export interface Advance {
  readonly live: Live
  /** As this step left it. */
  readonly state: ExecutionState
  /** Until they are asked for: what waits for a commit is held in bytes alone. */
  changes: readonly Change[]
  /** Whether there were any. */
  readonly moved: boolean
  /** Rows of the journal that count no more once the changes are durable. */
  readonly spent: number
  /** Only those that reach outside. */
  readonly effects: readonly Effect[]
  /** Why the first input was refused, null where it was taken. */
  readonly rejected: RejectionCode | null
}

export interface AdvanceContext {
  readonly expressions: Expressions
  /** This Core's node key, for the record. */
  readonly core: string
  /** Takes a slot for the task if one is free; else the task is queued and begun when one is. */
  place(live: Live, task: number): boolean
  /** Whether every task is begun only once its start is durable. */
  isCareful(): boolean
  /** Begins an attempt before its start is durable. @returns its end where that comes in this turn of the event loop */
  execute(live: Live, effect: Effect & { kind: "execute" }): Soon<readonly Input[]>
}

/**
 * Feeds inputs to an execution in memory and answers the effects that nobody outside sees, until only the others are
 * left. All of it becomes one durable step. Stays synchronous while every answer is. The caller holds the lock.
 */
export function advance(live: Live, given: readonly Input[], context: AdvanceContext): Soon<Advance> {
  return new Advancing(live, given, context).go()
}

class Advancing {
  readonly #live: Live
  readonly #context: AdvanceContext
  readonly #before: ExecutionState | null
  /** The result of a task with an effect is written before anything else is tried. */
  readonly #bringsResult: boolean
  /** Inputs in order: those that were taken, from `#next` on those that are to be. */
  readonly #inputs: Input[]
  #next = 0
  #isFirst = true
  /** What the input just taken asks for, how much of that is answered, and when it was asked. */
  #asked: readonly Effect[] = []
  #answered = 0
  #atMs = 0
  /** Its state once there is one, with what the inputs have made of it. */
  #step: Step | null = null
  readonly #effects: Effect[] = []
  #rejected: RejectionCode | null = null

  constructor(live: Live, given: readonly Input[], context: AdvanceContext) {
    this.#live = live
    this.#context = context
    this.#before = live.state
    this.#bringsResult = given.some((input) => input.kind === "result" && !this.#isPure(input.task))
    this.#inputs = given.slice()
  }

  #isPure(task: number): boolean {
    return this.#live.pinned.definition.tasks[task]?.effect === "pure"
  }

  go(): Soon<Advance> {
    for (;;) {
      while (this.#answered < this.#asked.length) {
        const effect = this.#asked[this.#answered++]!
        const answers = this.#answer(effect)
        if (answers instanceof Promise) {
          return answers.then((late) => {
            this.#inputs.push(...late)
            return this.go()
          })
        }
        if (answers === null) this.#effects.push(effect)
        else this.#inputs.push(...answers)
      }
      if (this.#next === this.#inputs.length) return this.#end()
      this.#take(this.#inputs[this.#next++]!)
    }
  }

  #take(input: Input): void {
    const live = this.#live
    const result =
      live.state === null
        ? createExecution(live.pinned.definition, input as Input & { kind: "triggered" })
        : takeInput((this.#step ??= new Step(live.state)), input)
    const isFirst = this.#isFirst
    this.#isFirst = false
    if (result.rejected !== null) {
      if (isFirst) this.#rejected = result.rejected
      this.#inputs.splice(--this.#next, 1)
      return
    }
    live.state = result.state
    this.#asked = result.effects
    this.#answered = 0
    this.#atMs = input.atMs
  }

  #end(): Advance {
    const live = this.#live
    if (this.#isMoot()) {
      live.state = this.#before
      return { live, state: live.state!, ...UNCHANGED, moved: false, effects: [], rejected: this.#rejected }
    }
    const [first] = this.#inputs
    const step = first && { atMs: first.atMs, core: this.#context.core, inputs: this.#inputs }
    const { changes, spent } = step === undefined ? UNCHANGED : live.journal.record(step, live.state!)
    const moved = changes.length > 0
    return { live, state: live.state!, changes, moved, spent, effects: this.#effects, rejected: this.#rejected }
  }

  /** Whether all that came was an event that it did not wait for. */
  #isMoot(): boolean {
    const [first] = this.#inputs
    if (this.#before === null || first?.kind !== "event") return false
    return isUnmoved(this.#before, this.#live.state!)
  }

  /** @returns the inputs that answer an effect before the step is written, null where it reaches outside */
  #answer(effect: Effect): Soon<readonly Input[]> | null {
    const live = this.#live
    const context = this.#context
    const atMs = this.#atMs
    switch (effect.kind) {
      case "judge": {
        const { task, number, event } = effect
        const where = live.pinned.definition.tasks[task]!.wait!.where
        const scope = executionScope(live.state!, live.triggerScope, eventScope(event))
        const passes = matches(context.expressions, where, scope, atMs)
        return soon(passes, (match) => [{ kind: "judged", atMs, task, number, match }])
      }
      case "prepare":
        return prepare(live as Prepared, effect.task, atMs, context.expressions)
      case "start": {
        const { task } = effect
        if (!context.place(live, task)) return NOTHING
        return [
          { kind: "assigned", atMs, task, core: context.core },
          { kind: "started", atMs, task },
        ]
      }
      case "execute": {
        // docs/spec/execution.md#pure-tasks
        return this.#isPure(effect.task) && !this.#bringsResult && !context.isCareful()
          ? context.execute(live, effect)
          : null
      }
      case "wake":
        // The runner looks at the state for what is due next.
        return NOTHING
      default:
        return null
    }
  }
}

const NOTHING: readonly Input[] = []
const UNCHANGED: Recorded = { changes: [], spent: 0 }

/** What the inputs of a task are made of. */
export interface Prepared {
  readonly pinned: PinnedWorkflow
  readonly state: ExecutionState
  readonly triggerScope: EventScope
}

/** The inputs of a task: what answers `prepare`. */
export function prepare(live: Prepared, task: number, atMs: number, expressions: Expressions): Soon<readonly Input[]> {
  const template = live.pinned.definition.tasks[task]!.with
  const { event } = live.state.tasks[task]!
  const scope = executionScope(live.state, live.triggerScope, event && eventScope(event))
  return soon(render(expressions, template, scope, atMs), (answered): readonly Input[] => {
    if (!answered.ok) {
      return [{ kind: "unprepared", atMs, task, code: "EXPRESSION_FAILED", message: answered.message }]
    }
    const inputs: Json = answered.value ?? null
    const revealed = live.pinned.reveal(task, inputs)
    if (!revealed.ok) return [{ kind: "unprepared", atMs, task, ...secretLost(revealed.setting) }]
    const [issue] = live.pinned.checkInputs(task, revealed.inputs)
    if (issue !== undefined) {
      return [
        { kind: "unprepared", atMs, task, code: "INPUTS_INVALID", message: `inputs${issue.path}: ${issue.message}` },
      ]
    }
    return [{ kind: "prepared", atMs, task, inputs }]
  })
}
