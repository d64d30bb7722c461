import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ExecutionId } from "../../../../agent/base/ids.ts"
import type { Input } from "../../../../agent/core/execution/input.ts"
import type { ExecutionState } from "../../../../agent/core/execution/state.ts"
import { headOf, Journal, removalOf, stepsOf } from "../../../../agent/engine/executions/journal.ts"
import { type StepRecord, stepsOfText, stepText } from "../../../../agent/engine/executions/step-text.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { HISTORIES, type History } from "../../../support/histories.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const ID = "ex_01m82kzeq38je25kpmb3rwkhwc" as ExecutionId
const PIN = { app: "a", workflow: "w", version: 3 }
const CORE = "ab".repeat(32)
const RUNNING = { id: ID, status: "running", startedMs: 1, finishedMs: null } as ExecutionState
const COMPLETED = { id: ID, status: "completed", startedMs: 1, finishedMs: 9 } as ExecutionState

const result = (task: number, text: string): StepRecord => ({
  atMs: 1_700_000_000_000 + task,
  core: CORE,
  inputs: [{ kind: "result", atMs: 1_700_000_000_000 + task, task, status: "ok", data: { text } }],
})

describe("steps as text", () => {
  for (const file of readdirSync(HISTORIES)) {
    it(`come back as they were: ${file}`, () => {
      const { steps } = JSON.parse(readFileSync(join(HISTORIES, file), "utf8")) as History
      const records = steps.map(({ atMs, core, inputs }) => ({ atMs, core, inputs }))
      const [first] = records[0]!.inputs as readonly (Input & { execution: ExecutionId })[]
      for (const core of [records[0]!.core, "cd".repeat(32)]) {
        const context = { execution: first!.execution, core }
        assert.deepEqual(stepsOfText(records.map((step) => stepText(step, context)).join(), context), records)
      }
    })
  }

  it("lie as they have always lain", () => {
    const inputs: Input[] = [
      {
        kind: "triggered",
        atMs: 1001,
        execution: ID,
        event: { service: "s", event: "e", data: { n: 1 }, id: null, timeMs: 999 } as never,
        held: false,
        retryOf: null,
      },
      { kind: "prepared", atMs: 1001, task: 0, inputs: { a: "b" } },
      { kind: "assigned", atMs: 1002, task: 0, core: CORE },
      { kind: "assigned", atMs: 1002, task: 1, core: "cd" },
      { kind: "started", atMs: 1002, task: 0 },
    ]
    assert.equal(
      stepText({ atMs: 1000, core: CORE, inputs }, { execution: ID, core: CORE }),
      `[1000,0,[0,1,["s","e",{"n":1},null,-1],false,null],[4,1,0,{"a":"b"}],[6,2,0,0],[6,2,1,"cd"],[7,2,0]]`,
    )
  })

  it("carry whatever JSON carries", () => {
    const odd = JSON.parse(`{"__proto__":{"x":1},"a":[1e300,-5,0.1],"text":"\\u0000\\ud800 é \u2028"}`) as Json
    const step: StepRecord = { ...result(0, ""), inputs: [{ kind: "prepared", atMs: 5, task: 0, inputs: odd }] }
    const context = { execution: ID, core: CORE }
    assert.deepEqual(stepsOfText(stepText(step, context), context), [step])
  })
})

describe("an execution in the store", () => {
  const written = async (lengths: readonly number[], ends: boolean) => {
    const store = new MemoryStore()
    const steps = lengths.map((length, task) => result(task, "x".repeat(length)))
    let journal = Journal.begin(ID, PIN, CORE)
    for (const [index, step] of steps.entries()) {
      const isLast = ends && index === steps.length - 1
      await store.write(journal.record(step, isLast ? COMPLETED : RUNNING))
      // As after a restart, by a Core with another key.
      journal = Journal.resume(ID, store, headOf(store, ID)!, "cd".repeat(32))
    }
    return { store, steps }
  }

  for (const lengths of [[10], [10, 10, 10], [2000], [10, 2000, 10], [900, 900, 900, 900, 900], [5000, 5000]]) {
    for (const ends of [false, true]) {
      it(`${ends ? "that has ended " : ""}is read as it was written: steps of ${lengths.join(", ")}`, async () => {
        const { store, steps } = await written(lengths, ends)
        const head = headOf(store, ID)!
        assert.deepEqual([...stepsOf(store, ID, head)], steps)
        assert.equal(store.count(TABLE.active), ends ? 0 : 1)
        assert.equal(store.count(TABLE.finished), ends ? 1 : 0)
        if (!ends) return
        await store.write(removalOf(store, ID, head))
        for (const table of [TABLE.active, TABLE.finished, TABLE.history]) assert.equal(store.count(table), 0)
      })
    }
  }

  it("costs one record while its steps are short, and what no longer changes is written once", async () => {
    const store = new MemoryStore()
    const journal = Journal.begin(ID, PIN, CORE)
    assert.deepEqual(
      journal.record(result(0, "short"), RUNNING).map((change) => ("put" in change ? change.put : change.remove)),
      [TABLE.active],
    )
    await store.write(journal.record(result(1, "x".repeat(3000)), RUNNING))
    assert.equal(store.count(TABLE.history), 1)
    assert.deepEqual(
      journal.record(result(2, "short"), COMPLETED).map((change) => ("put" in change ? change.put : change.remove)),
      [TABLE.finished, TABLE.active],
    )
  })

  it("of version 1 is read and goes on", async () => {
    const store = new MemoryStore()
    await store.write([
      { put: TABLE.active, key: [ID], value: { v: 1, ...PIN } },
      { put: TABLE.history, key: [ID, 0], value: { v: 1, ...result(0, "old") } },
      { put: TABLE.history, key: [ID, 1], value: { v: 1, ...result(1, "old") } },
    ])
    const journal = Journal.resume(ID, store, headOf(store, ID)!, CORE)
    await store.write(journal.record(result(2, "x".repeat(3000)), RUNNING))
    await store.write(journal.record(result(3, "new"), COMPLETED))
    const head = headOf(store, ID)!
    const texts = [...stepsOf(store, ID, head)].map(
      ({ inputs }) => ((inputs[0] as Input & { kind: "result" }).data as { text: string }).text,
    )
    assert.deepEqual([texts.length, texts[0], texts[1], texts[3]], [4, "old", "old", "new"])
    assert.equal(removalOf(store, ID, head).length, 4)
  })
})
