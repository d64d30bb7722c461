import assert from "node:assert/strict"
import fc from "fast-check"
import { createExecution, triggeredInput } from "../../../../agent/core/execution/transition.ts"
import type { WorkflowDefinition } from "../../../../agent/core/workflow/definition.ts"
import { type Past, pastOf, whetherEnded } from "../../../../agent/core/workflow/endings.ts"
import { move, RandomPlay, workflow } from "../../../support/random-workflow.ts"
import { scaled } from "../../../support/scale.ts"
import { definitionOf, EXECUTION, eventOf, START_MS } from "../../../support/workflow.ts"

function pastIn({ tasks }: WorkflowDefinition): Past {
  return pastOf(
    tasks.map(({ after }) => after),
    tasks.map(({ join }) => join),
  )
}

describe("what has ended when a task starts", () => {
  const definition = definitionOf({
    a: {},
    b: { after: "a.ok" },
    c: { after: "a.no" },
    d: { after: "a.ok" },
    any: { after: ["b.ok", "c.ok"], join: "any" },
    all: { after: ["b.ok", "d.no"] },
    never: { after: ["b.ok", "c.ok"] },
    behind: { after: "never.ok" },
    both: { after: ["any.ok", "b.no"] },
    shortcut: { after: ["a.ok", "both.ok"], join: "any" },
  })
  const { tasks } = definition
  const names = tasks.map(({ name }) => name)
  const past = pastIn(definition)

  it("is what its statuses stand for, as far as all of them agree", () => {
    const known = (name: string): Record<string, string | null> =>
      Object.fromEntries(
        [...past.endings[names.indexOf(name)]!].map(([task, status]) => [names[task]!, status] as const),
      )
    assert.deepEqual(known("a"), {})
    assert.deepEqual(known("b"), { a: "ok" })
    assert.deepEqual(known("any"), { a: null })
    assert.deepEqual(known("all"), { a: "ok", b: "ok", d: "no" })
  })

  it("cannot be where one task would have to end twice", () => {
    const contradicted = names.filter((_, task) => past.contradictions[task] !== null)
    assert.deepEqual(contradicted, ["never"])
  })

  const cases = [
    { task: "a", at: "b", ended: "certain" },
    { task: "b", at: "all", ended: "certain" },
    { task: "b", at: "any", ended: "perhaps" },
    { task: "d", at: "b", ended: "perhaps" },
    { task: "c", at: "b", ended: "never" },
    { task: "c", at: "all", ended: "never" },
    { task: "all", at: "b", ended: "never" },
    { task: "b", at: "b", ended: "never" },
    { task: "never", at: "d", ended: "never" },
    { task: "any", at: "b", ended: "never" },
    // It is behind `both`, and may all the same have begun before it.
    { task: "shortcut", at: "both", ended: "perhaps" },
    { task: "both", at: "shortcut", ended: "perhaps" },
  ]
  for (const { task, at, ended } of cases) {
    it(`${task} at ${at}: ${ended}`, () => {
      const self = names.indexOf(at)
      assert.equal(whetherEnded(names.indexOf(task), past.endings[self]!, self, past), ended)
    })
  }

  it("is so in every execution, whatever happens to it", () => {
    const answers = fc.array(
      move.map((one) => ({ ...one, kind: "answer" as const })),
      { maxLength: 80 },
    )
    const said = { certain: 0, perhaps: 0, never: 0 }
    fc.assert(
      fc.property(workflow, answers, (definition, moves) => {
        const known = pastIn(definition)
        const game = new RandomPlay(
          createExecution(definition, triggeredInput(EXECUTION, eventOf("e"), START_MS, { held: false })),
        )
        for (const one of moves) {
          const { state, effects } = game.play(game.inputOf(one))
          for (const effect of effects) {
            if (effect.kind !== "prepare") continue
            const self = effect.task
            const endings = known.endings[self]!
            assert.equal(known.contradictions[self], null, `task ${self} can start after all`)
            state.tasks.forEach(({ status }, task) => {
              const ended = whetherEnded(task, endings, self, known)
              said[ended]++
              if (ended === "never") assert.equal(status, null, `task ${task} has ended when ${self} starts`)
              if (ended !== "certain") return
              assert.notEqual(status, null, `task ${task} has not ended when ${self} starts`)
              assert.ok([null, status].includes(endings.get(task)!), `task ${task} ended in ${status}`)
            })
          }
        }
      }),
      { numRuns: scaled(3000, 100_000) },
    )
    assert.ok(said.certain > 100 && said.perhaps > 100 && said.never > 100, JSON.stringify(said))
  }).timeout(scaled(60_000, 1_800_000))
})
