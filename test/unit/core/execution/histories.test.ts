import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { InputKind } from "../../../../agent/core/execution/input.ts"
import { replay } from "../../../../agent/core/execution/replay.ts"
import { transition } from "../../../../agent/core/execution/transition.ts"
import { executionView } from "../../../../agent/engine/executions/view.ts"
import { EXECUTION_STATUSES } from "../../../../agent/schema/execution.ts"
import { HISTORIES, type History } from "../../../support/histories.ts"
import { SCENARIOS } from "../../../support/history-scenarios.ts"

const histories = readdirSync(HISTORIES)
  .sort()
  .map((file) => JSON.parse(readFileSync(join(HISTORIES, file), "utf8")) as History)
const inputsOf = ({ steps }: History) => steps.flatMap(({ inputs }) => inputs)

/** One of each, for ever: a record that compiles is a record that is replayed. */
const KINDS: Readonly<Record<InputKind, true>> = {
  triggered: true,
  released: true,
  event: true,
  judged: true,
  prepared: true,
  unprepared: true,
  assigned: true,
  started: true,
  submitted: true,
  verified: true,
  result: true,
  "attempt-failed": true,
  elapsed: true,
  cancel: true,
}

describe("the golden histories", () => {
  for (const history of histories) {
    it(`${history.name.replaceAll("-", " ")}: replays to what everybody saw`, () => {
      const state = replay(history.definition, inputsOf(history))
      assert.ok(state !== null)
      // Fields may be added to a view; what was there stays.
      const view = JSON.parse(JSON.stringify(executionView(state))) as Record<string, unknown>
      for (const [field, value] of Object.entries(history.view)) assert.deepEqual(view[field], value, field)
    })

    it(`${history.name.replaceAll("-", " ")}: every recorded input counts`, () => {
      const inputs = inputsOf(history)
      for (let i = 1; i < inputs.length; i++) {
        const before = replay(history.definition, inputs.slice(0, i))
        assert.equal(transition(before!, inputs[i]!).rejected, null, `input ${i + 1}, ${inputs[i]!.kind}`)
      }
    })
  }

  it("have every kind of input and every status", () => {
    const kinds = new Set(histories.flatMap((history) => inputsOf(history).map(({ kind }) => kind)))
    assert.deepEqual([...kinds].sort(), Object.keys(KINDS).sort())
    const statuses = new Set(histories.map(({ view }) => view.status))
    const wanted = EXECUTION_STATUSES.filter((status) => status !== "created")
    assert.deepEqual([...statuses].sort(), [...wanted].sort())
  })

  it("hold one of each scenario, and keep those that are no scenario any more", () => {
    const names = new Set(histories.map(({ name }) => name))
    const missing = Object.keys(SCENARIOS).filter((name) => !names.has(name))
    assert.deepEqual(missing, [], "run node test/golden/make-histories.ts")
  })
})
