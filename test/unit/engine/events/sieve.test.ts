import assert from "node:assert/strict"
import { EVENT_JUDGEMENTS_MAX, KEPT_EVENTS_PER_WAIT_MAX } from "../../../../agent/base/limits.ts"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"
import type { Evaluated, ExpressionScope } from "../../../../agent/ports/expressions.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { storedSteps } from "../../../support/stored-steps.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

/** Not a plain equality: JSONata has to be asked, for each execution. */
const WHERE = "$uppercase(data.k) = $uppercase(trigger.data.k)"
const waitsUnder = (where: string) => ({
  a: { run: "work.do" },
  b: { run: "work.do", after: "a.ok", wait: { service: "work", event: "later", where } },
})

/** JSONata that can be made to wait, and counts how many questions are open. */
class GatedExpressions extends JsonataExpressions {
  gate: Promise<void> = Promise.resolve()
  open = 0
  openMax = 0
  asked = 0

  override async evaluate(source: string, scope: ExpressionScope, nowMs: number): Promise<Evaluated> {
    this.asked++
    this.openMax = Math.max(this.openMax, ++this.open)
    await this.gate
    try {
      return await super.evaluate(source, scope, nowMs)
    } finally {
      this.open--
    }
  }
}

describe("an event that some wait for", () => {
  const expressions = new GatedExpressions()
  after(() => expressions.stop())

  const waiting = async (count: number, store = new MemoryStore(), where = WHERE) => {
    const test = await testEngine([{ manifest: WORK }], { expressions, store, maxActive: 10_000 })
    await test.engine.applications.deploy(workApplication("app", waitsUnder(where)), {})
    const ids = []
    for (let i = 0; i < count; i++) {
      const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: { k: `k${i}` } })
      ids.push(executions[0]!)
    }
    await until(test, () => test.engine.executions.counts().waiting === count)
    return { test, ids, store }
  }
  const until = async (test: Awaited<ReturnType<typeof testEngine>>, holds: () => boolean) => {
    for (let turns = 0; !holds(); turns++) {
      assert.ok(turns < 1000, "it does not come")
      await test.settle()
    }
  }
  const later = (k: string) => ({ service: "work", event: "later", data: { k } })

  it("moves those it means and writes nothing for the others", async () => {
    const { test, ids, store } = await waiting(50)
    const steps = () => store.count(TABLE.open) + store.count(TABLE.finished) + store.count(TABLE.history)
    const before = steps()
    await test.engine.events.accept(later("K7"))
    await until(test, () => test.engine.executions.counts().completed === 1)
    assert.equal(test.engine.executions.show(ids[7]!).status, "completed")
    assert.ok(steps() - before <= 3, `${steps() - before} steps for one execution`)
    await test.stop()
  })

  const PLAIN = "data.k = trigger.data.k"
  for (const [where, count] of [
    [PLAIN, 1],
    [WHERE, 1],
    [WHERE, 2],
  ] as const) {
    it(`writes nothing where ${count} wait${count === 1 ? "s" : ""} under ${where} and it is not meant`, async () => {
      const { test, ids, store } = await waiting(count, new MemoryStore(), where)
      await test.engine.events.accept({ ...later("K0"), data: { k: "nobody" }, id: "first" })
      const before = { bytes: store.usage().bytes, commits: store.commits }
      for (let i = 0; i < 200; i++) await test.engine.events.accept({ ...later(`nobody-${i}`), id: `noise-${i}` })
      assert.deepEqual({ bytes: store.usage().bytes, commits: store.commits }, before)
      await test.engine.events.accept(later(where === PLAIN ? "k0" : "K0"))
      await until(test, () => test.engine.executions.counts().completed === 1)
      const kinds = storedSteps(store, ids[0]!).flatMap(({ inputs }) => inputs.map(({ kind }) => kind))
      assert.equal(kinds.filter((kind) => kind === "event").length, 1, "its history has the event that ended its wait")
      await test.stop()
    })
  }

  it("writes nothing either where it is judged once more because another event has moved the execution", async () => {
    const store = new MemoryStore()
    const test = await testEngine([{ manifest: WORK }], { expressions, store })
    const other = { run: "work.do", after: "a.ok", wait: { service: "work", event: "go", where: "data.k = 'second'" } }
    await test.engine.applications.deploy(workApplication("app", { ...waitsUnder(WHERE), other }), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: { k: "first" } })
    const [id] = executions
    await until(test, () => test.engine.executions.counts().waiting === 1)
    const gate = Promise.withResolvers<void>()
    expressions.gate = gate.promise
    const refused = test.engine.events.accept(later("nobody"))
    expressions.gate = Promise.resolve()
    await test.engine.events.accept({ service: "work", event: "go", data: { k: "second" } })
    await until(test, () => test.engine.executions.counts().waiting === 2)
    const before = { commits: store.commits, asked: expressions.asked }
    gate.resolve()
    await refused
    assert.equal(store.commits, before.commits)
    assert.ok(expressions.asked > before.asked, "it was judged with the lock")
    await test.engine.events.accept(later("first"))
    await until(test, () => test.engine.executions.show(id!).status === "completed")
    await test.stop()
  })

  it("adds nothing to the history of one that keeps as many as it may already", async () => {
    const store = new MemoryStore()
    const execute = () => new Promise<never>(() => {})
    const test = await testEngine([{ manifest: WORK, execute }], { expressions, store })
    await test.engine.applications.deploy(workApplication("app", waitsUnder(WHERE)), {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: { k: "k" } })
    await until(test, () => test.engine.executions.counts().running === 1)
    for (let i = 0; i < KEPT_EVENTS_PER_WAIT_MAX + 200; i++) await test.engine.events.accept(later(`noise-${i}`))
    const kinds = storedSteps(store, executions[0]!).flatMap(({ inputs }) => inputs.map(({ kind }) => kind))
    assert.equal(kinds.filter((kind) => kind === "event").length, KEPT_EVENTS_PER_WAIT_MAX)
    await test.stop()
  })

  it("keeps none of them from anything else while it is judged", async () => {
    const { test, ids } = await waiting(50)
    const gate = Promise.withResolvers<void>()
    expressions.gate = gate.promise
    const accepting = test.engine.events.accept(later("K7"))
    await test.settle()
    assert.equal(expressions.open, 50, "they are judged side by side")
    assert.equal((await test.engine.executions.cancel(ids[7]!)).status, "cancelled")
    assert.equal((await test.engine.executions.cancel(ids[8]!)).status, "cancelled")
    gate.resolve()
    await accepting
    await test.settle()
    assert.deepEqual({ ...test.engine.executions.counts() }, counts({ waiting: 48, cancelled: 2 }))
    await test.stop()
  })

  it("is judged for so many at a time as the bound says", async () => {
    const count = EVENT_JUDGEMENTS_MAX + 50
    const { test } = await waiting(count)
    expressions.asked = expressions.openMax = 0
    await test.engine.events.accept(later("nobody"))
    assert.deepEqual([expressions.asked, expressions.openMax], [count, EVENT_JUDGEMENTS_MAX])
    await test.stop()
  })

  it("is judged again by who has changed meanwhile, and loses nobody", async () => {
    const { test, ids } = await waiting(3)
    const gate = Promise.withResolvers<void>()
    expressions.gate = gate.promise
    const first = test.engine.events.accept(later("K0"))
    const second = test.engine.events.accept(later("K1"))
    gate.resolve()
    await Promise.all([first, second])
    await until(test, () => test.engine.executions.counts().completed === 2)
    assert.deepEqual(
      ids.map((id) => test.engine.executions.show(id).status),
      ["completed", "completed", "waiting"],
    )
    await test.stop()
  })
})

function counts(some: { waiting?: number; cancelled?: number }) {
  return { running: 0, waiting: 0, completed: 0, failed: 0, cancelled: 0, ...some }
}
