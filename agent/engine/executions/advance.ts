import type { Effect } from "../../core/execution/effect.ts"
import type { Input } from "../../core/execution/input.ts"
import type { RejectionCode } from "../../core/execution/rejection.ts"
import { type ExecutionState, isFinished } from "../../core/execution/state.ts"
import { createExecution, transition } from "../../core/execution/transition.ts"
import type { Expressions } from "../../ports/expressions.ts"
import type { Change } from "../../ports/store.ts"
import type { Json } from "../../schema/json.ts"
import { executionScope, matches, render, type Soon, soon } from "./evaluate.ts"
import { activeChange, finishedChanges, stepChange } from "./journal.ts"
import type { Live } from "./live.ts"

/** What one step made of an execution: to be written whole, then acted upon. */
export interface Advance {
  readonly live: Live
  /** As this step left it. */
  readonly state: ExecutionState
  readonly changes: readonly Change[]
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
}

/**
 * Feeds inputs to an execution in memory and answers the effects that only evaluate, until nothing but outside
 * effects is left. All of it becomes one durable step. The caller holds the execution's lock.
 */
export async function advance(live: Live, given: readonly Input[], context: AdvanceContext): Promise<Advance> {
  const isNew = live.state === null
  const open = [...given]
  const taken: Input[] = []
  const effects: Effect[] = []
  let rejected: RejectionCode | null = null
  for (let input = open.shift(); input !== undefined; input = open.shift()) {
    const result =
      live.state === null
        ? createExecution(live.pinned.definition, input as Input & { kind: "triggered" })
        : transition(live.state, input)
    if (result.rejected !== null) {
      if (input === given[0]) rejected = result.rejected
      continue
    }
    live.state = result.state
    taken.push(input)
    for (const effect of result.effects) {
      const soon = answer(live, effect, input.atMs, context)
      const inputs = soon instanceof Promise ? await soon : soon
      if (inputs === null) effects.push(effect)
      else open.push(...inputs)
    }
  }
  const changes: Change[] = []
  if (taken.length > 0) {
    const atMs = taken[0]!.atMs
    changes.push(stepChange(live.id, live.seq++, { v: 1, atMs, core: context.core, inputs: taken }))
    if (isFinished(live.state!)) changes.push(...finishedChanges(live.state!, live.pin))
    else if (isNew) changes.push(activeChange(live.id, live.pin))
  }
  return { live, state: live.state!, changes, effects, rejected }
}

const NOTHING: readonly Input[] = []

/** @returns the inputs that answer an effect at once, null where it reaches outside */
function answer(live: Live, effect: Effect, atMs: number, context: AdvanceContext): Soon<readonly Input[] | null> {
  switch (effect.kind) {
    case "judge": {
      const { task, number, event } = effect
      const where = live.pinned.definition.tasks[task]!.wait!.where
      const passes = matches(context.expressions, where, executionScope(live.state!, event), atMs)
      return soon(passes, (match) => [{ kind: "judged", atMs, task, number, match }])
    }
    case "prepare":
      return prepare(live, effect.task, atMs, context)
    case "start": {
      const { task } = effect
      if (!context.place(live, task)) return NOTHING
      return [
        { kind: "assigned", atMs, task, core: context.core },
        { kind: "started", atMs, task },
      ]
    }
    case "wake":
      // The runner looks at the state for what is due next.
      return NOTHING
    default:
      return null
  }
}

function prepare(live: Live, task: number, atMs: number, context: AdvanceContext): Soon<readonly Input[]> {
  const template = live.pinned.definition.tasks[task]!.with
  const scope = executionScope(live.state!, live.state!.tasks[task]!.event)
  return soon(render(context.expressions, template, scope, atMs), (answered): readonly Input[] => {
    if (!answered.ok) {
      return [{ kind: "unprepared", atMs, task, code: "EXPRESSION_FAILED", message: answered.message }]
    }
    const inputs: Json = answered.value ?? null
    const [issue] = live.pinned.checkInputs(task, inputs)
    if (issue !== undefined) {
      return [
        { kind: "unprepared", atMs, task, code: "INPUTS_INVALID", message: `inputs${issue.path}: ${issue.message}` },
      ]
    }
    return [{ kind: "prepared", atMs, task, inputs }]
  })
}
