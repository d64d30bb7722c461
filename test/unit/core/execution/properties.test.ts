import assert from "node:assert/strict"
import fc from "fast-check"
import { KEPT_EVENTS_PER_WAIT_MAX, TASK_INTERRUPTIONS_MAX } from "../../../../agent/base/limits.ts"
import { branchesOf } from "../../../../agent/core/execution/branches.ts"
import type { Effect } from "../../../../agent/core/execution/effect.ts"
import type { Input } from "../../../../agent/core/execution/input.ts"
import { nextDueMs } from "../../../../agent/core/execution/pending.ts"
import { replay } from "../../../../agent/core/execution/replay.ts"
import { type ExecutionState, hasEnded, isFinished, isRunning } from "../../../../agent/core/execution/state.ts"
import { createExecution, triggeredInput } from "../../../../agent/core/execution/transition.ts"
import type { WorkflowDefinition } from "../../../../agent/core/workflow/definition.ts"
import { BRANCH_STATUSES, EXECUTION_STATUSES, TASK_STATES } from "../../../../agent/schema/execution.ts"
import { move, type Move, RandomPlay, workflow } from "../../../support/random-workflow.ts"
import { scaled } from "../../../support/scale.ts"
import { EXECUTION, eventOf, START_MS } from "../../../support/workflow.ts"

const moves = fc.array(move, { maxLength: 120 })

interface Seen {
  readonly before: ExecutionState
  readonly input: Input
  readonly state: ExecutionState
  readonly effects: readonly Effect[]
  readonly rejected: string | null
}

/** Plays all moves on frozen states; a mutation throws where it happens. */
function play(
  definition: WorkflowDefinition,
  list: readonly Move[],
  held: boolean,
  look: (seen: Seen) => void,
): Input[] {
  const first = triggeredInput(EXECUTION, eventOf("e"), START_MS, { held })
  const inputs: Input[] = [freeze(first)]
  const created = createExecution(freeze(definition), first)
  const game = new RandomPlay(freeze(created))
  for (const one of list) {
    const before = game.state
    const input = freeze(game.inputOf(one))
    inputs.push(input)
    const { state, effects, rejected } = freeze(game.play(input))
    look({ before, input, state, effects, rejected })
  }
  return inputs
}

function stored<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}

const frozen = new WeakSet<object>()

function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || frozen.has(value)) return value
  frozen.add(value)
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
  return value
}

describe("any execution, whatever happens to it", function () {
  this.timeout(600_000)
  const numRuns = scaled(300, 50_000)
  const holds = (name: string, check: (definition: WorkflowDefinition, list: Move[], held: boolean) => void) =>
    it(name, () =>
      fc.assert(
        fc.property(workflow, moves, fc.boolean(), (definition, list, held) => {
          // Most executions begin at once: a held one takes nothing until it is released.
          check(definition, list, held && list.length % 4 === 0)
        }),
        { numRuns },
      ),
    )

  it("is drawn widely enough: every status of executions, branches and tasks is reached", () => {
    const reached = new Set<string>()
    for (const [definition, list] of fc.sample(fc.tuple(workflow, moves), { numRuns: 300, seed: 7 })) {
      play(definition, list, false, ({ state }) => {
        reached.add(state.status)
        for (const task of state.tasks) reached.add(`task ${task.state}`)
        for (const branch of branchesOf(state)) reached.add(`branch ${branch.status}`)
      })
    }
    // `verified` passes within one step; `created` is the execution that is held.
    const states = TASK_STATES.filter((state) => state !== "verified").map((state) => `task ${state}`)
    const statuses = EXECUTION_STATUSES.filter((status) => status !== "created")
    const wanted = [...statuses, ...states, ...BRANCH_STATUSES.map((status) => `branch ${status}`)]
    assert.deepEqual([...reached].sort(), wanted.sort())
  })

  holds("never throws, never changes what it was given, and a refusal changes nothing", (definition, list, held) => {
    play(definition, list, held, ({ before, state, effects, rejected }) => {
      if (rejected === null) return
      assert.equal(state, before)
      assert.deepEqual(effects, [])
    })
  })

  holds("is what its inputs replay to, refused ones with or without", (definition, list, held) => {
    const taken: Input[] = []
    let last: ExecutionState | null = null
    const all = play(definition, list, held, ({ input, state, rejected }) => {
      if (rejected === null) taken.push(input)
      last = state
    })
    if (last === null) return
    assert.deepEqual(replay(definition, all), last)
    assert.deepEqual(replay(definition, [all[0]!, ...taken]), last)
    // As the store gives them back.
    assert.deepEqual(replay(stored(definition), stored(all)), last)
  })

  holds(
    "starts each task at most once, ends it at most once, and an ended task stays as it is",
    (definition, list, held) => {
      const prepared = new Set<number>()
      const attempts = new Map<number, number>()
      play(definition, list, held, ({ before, state, effects }) => {
        for (const effect of effects) {
          if (effect.kind === "prepare") {
            assert.ok(!prepared.has(effect.task), `task ${effect.task} was opened twice`)
            prepared.add(effect.task)
          }
          if (effect.kind === "execute") {
            assert.equal(effect.attempt, (attempts.get(effect.task) ?? 0) + 1)
            attempts.set(effect.task, effect.attempt)
          }
        }
        before.tasks.forEach((task, index) => {
          if (hasEnded(task)) assert.equal(state.tasks[index], task)
        })
      })
    },
  )

  holds("tries no more often than it may", (definition, list, held) => {
    play(definition, list, held, ({ state }) => {
      state.tasks.forEach(({ attempts, interruptions }, index) => {
        assert.ok(attempts - interruptions <= definition.tasks[index]!.retry.attempts)
        assert.ok(interruptions <= TASK_INTERRUPTIONS_MAX + 1)
      })
    })
  })

  holds("does not change once it has ended", (definition, list, held) => {
    play(definition, list, held, ({ before, state, rejected }) => {
      if (!isFinished(before)) return
      assert.deepEqual([rejected, state === before], ["EXECUTION_ENDED", true])
    })
  })

  holds(
    "is running while a task runs, waiting while only events could move it, and ended otherwise",
    (definition, list, held) => {
      play(definition, list, held, ({ state }) => {
        const { tasks, cancelling, status } = state
        if (status === "created") return assert.ok(tasks.every((task) => task.state === "idle"))
        const runs = tasks.some(isRunning)
        const waits = tasks.some((task) => task.state === "ready" && !task.opened)
        assert.equal(status === "running", runs)
        assert.equal(status === "waiting", !runs && waits && !cancelling)
        assert.equal(isFinished(state), !runs && !(waits && !cancelling))
        assert.equal(state.finishedMs !== null, isFinished(state))
        assert.equal(status === "cancelled", isFinished(state) && cancelling)
      })
    },
  )

  holds("has branches that agree with it", (definition, list, held) => {
    play(definition, list, held, ({ state }) => {
      const branches = branchesOf(state)
      assert.ok(branches.length > 0)
      const has = (status: string) => branches.some((branch) => branch.status === status)
      if (has("running")) assert.equal(state.status, "running")
      if (state.status === "waiting") assert.ok(has("waiting"), "somebody waits")
      if (isFinished(state)) assert.ok(!has("running") && !has("waiting") && !has("pending"), JSON.stringify(branches))
      if (isFinished(state) && !state.cancelling) assert.equal(state.status === "failed", has("failed"))
      if (has("cancelled")) assert.ok(state.cancelling)
      for (const { status, path, remaining } of branches) {
        const over = status === "completed" || status === "failed" || status === "not-taken" || status === "cancelled"
        assert.equal(remaining.length === 0, over)
        assert.ok(remaining.every((task) => path.includes(task) && !hasEnded(state.tasks[task]!)))
      }
    })
  })

  holds("never takes a task that ran for one that was not reached", (definition, list, held) => {
    play(definition, list, held, ({ state }) => {
      for (const { path, status } of branchesOf(state)) {
        if (status !== "completed" && status !== "failed") continue
        assert.ok(hasEnded(state.tasks[path[0]!]!))
      }
      state.definition.tasks.forEach(({ after, join }, index) => {
        if (state.tasks[index]!.state === "idle" || after.length === 0) return
        const met = after.map((edge) => state.tasks[edge.task]!.status === edge.status)
        assert.ok(join === "all" ? met.every(Boolean) : met.some(Boolean), "it stands on its statuses")
      })
    })
  })

  holds(
    "keeps a bounded number of events, none twice, and none that started what is before it",
    (definition, list, held) => {
      play(definition, list, held, ({ state }) => {
        for (const { kept } of state.tasks) {
          assert.ok(kept.length <= KEPT_EVENTS_PER_WAIT_MAX)
          const numbers = kept.map(({ number }) => number)
          assert.deepEqual(
            numbers,
            [...new Set(numbers)].sort((a, b) => a - b),
          )
        }
        definition.tasks.forEach(({ behind }, index) => {
          const used = state.tasks[index]!.event
          if (used === null) return
          for (const later of behind) {
            assert.notEqual(state.tasks[later]!.event, used)
            assert.ok(state.tasks[later]!.kept.every(({ event }) => event !== used))
          }
        })
      })
    },
  )

  holds("asks to be woken whenever something is due", (definition, list, held) => {
    const asked = new Set<number>()
    play(definition, list, held, ({ state, effects }) => {
      for (const effect of effects) if (effect.kind === "wake") asked.add(effect.atMs)
      const due = nextDueMs(state)
      if (due !== null && !isFinished(state) && !state.cancelling) assert.ok(asked.has(due), `due ${due}`)
    })
  })
})
