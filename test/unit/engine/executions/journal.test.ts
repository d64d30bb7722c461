import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ExecutionId } from "../../../../agent/base/ids.ts"
import type { Input } from "../../../../agent/core/execution/input.ts"
import type { ExecutionState } from "../../../../agent/core/execution/state.ts"
import { OPEN_LOG_SPENT_ROWS } from "../../../../agent/base/limits.ts"
import { Journal, removalOf, stepsWritten } from "../../../../agent/engine/executions/journal.ts"
import { readEnded } from "../../../../agent/engine/executions/records.ts"
import { OpenLog, readRows } from "../../../../agent/engine/executions/open-log.ts"
import { type StepRecord, stepsOfText, stepText } from "../../../../agent/engine/executions/step-text.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { HISTORIES, type History } from "../../../support/histories.ts"
import { openExecutions, storedSteps } from "../../../support/stored-steps.ts"
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
    let log = new OpenLog()
    let journal = Journal.begin(log, ID, PIN, CORE)
    for (const [index, step] of steps.entries()) {
      const isLast = ends && index === steps.length - 1
      const { changes, spent } = journal.record(step, isLast ? COMPLETED : RUNNING)
      await store.write(changes)
      journal.settle(spent)
      if (isLast) break
      // As after a restart.
      log = new OpenLog()
      const [open] = [...log.load(store)]
      journal = Journal.resume(log, open!)
    }
    return { store, steps, journal }
  }

  for (const lengths of [[10], [10, 10, 10], [2000], [10, 2000, 10], [900, 900, 900, 900, 900], [5000, 5000]]) {
    it(`is read as it was written: steps of ${lengths.join(", ")}`, async () => {
      const { store, steps, journal } = await written(lengths, false)
      assert.deepEqual(storedSteps(store, ID), steps)
      assert.deepEqual(readRows(store, ID, journal.rows)!.pin, PIN)
    })

    it(`that has ended is read as it was written: steps of ${lengths.join(", ")}`, async () => {
      const { store, steps } = await written(lengths, true)
      assert.deepEqual(storedSteps(store, ID), steps)
      assert.deepEqual(openExecutions(store), [])
      await store.write(removalOf(store, ID, readEnded(store.get(TABLE.finished, [ID]))))
      for (const table of [TABLE.finished, TABLE.history]) assert.equal(store.count(table), 0)
    })
  }

  it("costs a row for each step, and one record of them all at its end", () => {
    const journal = Journal.begin(new OpenLog(), ID, PIN, CORE)
    const tables = (step: StepRecord, state: ExecutionState) =>
      journal.record(step, state).changes.map((change) => ("put" in change ? change.put : change.remove))
    assert.deepEqual(tables(result(0, "short"), RUNNING), [TABLE.open])
    assert.deepEqual(tables(result(1, "x".repeat(3000)), RUNNING), [TABLE.history, TABLE.open])
    assert.deepEqual(tables(result(2, "short"), COMPLETED), [TABLE.finished])
  })

  it("is shown as far as it is durable", async () => {
    const store = new MemoryStore()
    const journal = Journal.begin(new OpenLog(), ID, PIN, CORE)
    const first = journal.record(result(0, "short"), RUNNING)
    assert.equal(readRows(store, ID, journal.rows), null)
    await store.write(first.changes)
    const long = journal.record(result(1, "x".repeat(3000)), RUNNING)
    assert.equal([...stepsWritten(store, ID, readRows(store, ID, journal.rows)!.written)].length, 1)
    await store.write(long.changes)
    journal.settle(long.spent)
    assert.equal([...stepsWritten(store, ID, readRows(store, ID, journal.rows)!.written)].length, 2)
  })

  it("leaves rows behind that go together, once their execution's end is durable", async () => {
    const store = new MemoryStore()
    const log = new OpenLog()
    const ids = Array.from({ length: OPEN_LOG_SPENT_ROWS / 2 }, (_, i) => `ex_${i}` as ExecutionId)
    for (const [index, id] of ids.entries()) {
      const journal = Journal.begin(log, id, PIN, CORE)
      await store.write(journal.record(result(0, "a"), RUNNING).changes)
      await store.write(journal.record(result(1, "b"), RUNNING).changes)
      const { changes, spent } = journal.record(result(2, "c"), COMPLETED)
      await store.write([...changes, ...log.removals()])
      assert.equal(store.count(TABLE.open), 2 * (index + 1))
      journal.settle(spent)
    }
    await store.write(log.removals())
    assert.equal(store.count(TABLE.open), 0)
    assert.deepEqual(log.removals(), [])
    assert.equal(log.removalsOf(ids[0]!).length, 2, "as long as nobody has said that they have gone")
    log.removed()
    assert.deepEqual(log.removalsOf(ids[0]!), [])
  })

  it("is read also where its rows have names, as those that a change of format leaves", async () => {
    const store = new MemoryStore()
    const rows = [
      { v: 2, execution: ID, pin: PIN, core: CORE, chunks: 0, steps: "[1,0]" },
      { v: 2, execution: ID, steps: "[2,0]" },
    ]
    await store.write(rows.map((value, number) => ({ put: TABLE.open, key: [number], value })))
    const { pin, written } = readRows(store, ID, [0, 1])!
    assert.deepEqual([pin, written], [PIN, { core: CORE, chunks: 0, tail: "[1,0],[2,0]" }])
  })

  it("of version 1 is read", async () => {
    const store = new MemoryStore()
    const end = { status: "completed", startedMs: 1, finishedMs: 2 }
    await store.write([
      { put: TABLE.finished, key: [ID], value: { v: 1, ...PIN, ...end } },
      { put: TABLE.history, key: [ID, 0], value: { v: 1, ...result(0, "old") } },
      { put: TABLE.history, key: [ID, 1], value: { v: 1, ...result(1, "old") } },
    ])
    assert.equal(storedSteps(store, ID).length, 2)
    assert.equal(removalOf(store, ID, readEnded(store.get(TABLE.finished, [ID]))).length, 3)
  })
})
