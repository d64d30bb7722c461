import assert from "node:assert/strict"
import { EVENT_DATA_BYTES_MAX, EXECUTIONS_DATA_BYTES_MAX } from "../../../../agent/base/limits.ts"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"
import type { ExecutionBook } from "../../../../agent/engine/executions/executions.ts"
import type { Evaluated } from "../../../../agent/ports/expressions.ts"
import { type TestEngine, testEngine, type TestService } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const OK = { kind: "result", status: "ok", data: {} } as const
const ANY = { data: {} } as const
const PURE = { statuses: { ok: {} }, effect: "pure" } as const
const SLOTS = 1024
const MANY = 100_000
/** Far more than they need: what hangs is to be told, not waited for. */
const TURNS_MAX = 1000

function serviceOf(execute: NonNullable<TestService["execute"]>): TestService {
  return {
    manifest: {
      id: "work",
      name: "Work",
      version: "1.0.0",
      isolation: "in-process",
      events: { go: ANY, next: ANY },
      tasks: { a: PURE, b: PURE },
    },
    execute,
  }
}

const trigger = { service: "work", event: "go" }
const ONE = { name: "one", workflows: { one: { trigger, tasks: { a: { run: "work.a" } } } } }
/** Task b follows a and an event, task c evaluates for as long as `slow` takes. */
const WAITING = {
  name: "waiting",
  workflows: {
    waiting: {
      trigger,
      tasks: {
        a: { run: "work.a" },
        b: { run: "work.b", after: "a.ok", wait: { service: "work", event: "next" } },
      },
    },
  },
}

const emit = (test: TestEngine, event = "go", id: string | null = null) =>
  test.engine.events.accept({ service: "work", event, data: {}, id })
const statuses = (test: TestEngine) => test.engine.executions.list({}).items.map(({ status }) => status)

/** Expressions that name `slow` wait until they are let go. */
class SlowExpressions extends JsonataExpressions {
  readonly #gate = Promise.withResolvers<void>()

  letGo(): void {
    this.#gate.resolve()
  }

  override evaluate(...call: Parameters<JsonataExpressions["evaluate"]>): Evaluated | Promise<Evaluated> {
    return call[0].includes("slow") ? this.#gate.promise.then(() => ({ ok: true, value: 1 })) : super.evaluate(...call)
  }
}

describe("tasks that answer at once", () => {
  it(`may be thousands behind slow ones that hold all ${SLOTS} slots: each gets its turn`, async () => {
    const gate = Promise.withResolvers<typeof OK>()
    let calls = 0
    const test = await testEngine([serviceOf(() => (++calls <= SLOTS ? gate.promise : OK))], { maxActive: MANY })
    await test.engine.applications.deploy(ONE, {})
    for (let i = 0; i < SLOTS + 3000; i++) await emit(test)
    await test.settle()
    assert.deepEqual(test.engine.load(), { queued: 3000, running: SLOTS })
    gate.resolve(OK)
    for (let turn = 0; turn < TURNS_MAX && test.engine.executions.counts().running > 0; turn++) await test.settle()
    assert.equal(test.engine.executions.counts().completed, SLOTS + 3000)
    assert.deepEqual([test.engine.load(), test.broken], [{ queued: 0, running: 0 }, []])
    await test.stop()
  })

  it("may emit their own trigger again and again", async () => {
    let calls = 0
    const emitting: Promise<void>[] = []
    const again = () => {
      if (++calls < 3000) emitting.push(test.bridge("work").emit("go", {}))
      return OK
    }
    const test: TestEngine = await testEngine([serviceOf(again)], { maxActive: MANY })
    await test.engine.applications.deploy(ONE, {})
    await emit(test)
    for (let seen = -1; seen < emitting.length; ) {
      seen = emitting.length
      await Promise.all(emitting)
      await test.settle()
    }
    assert.deepEqual([calls, test.engine.executions.counts().completed, test.broken], [3000, 3000, []])
    await test.stop()
  })

  it("may emit what their own execution waits for", async () => {
    const test: TestEngine = await testEngine([
      serviceOf(({ task }) => {
        if (task === "a") void test.bridge("work").emit("next", {})
        return OK
      }),
    ])
    await test.engine.applications.deploy(WAITING, {})
    await emit(test)
    await test.settle()
    assert.deepEqual(statuses(test), ["completed"])
    await test.stop()
  })

  it("may emit the id of their own trigger: it counts once", async () => {
    let calls = 0
    const test: TestEngine = await testEngine([
      serviceOf(() => {
        if (++calls < 5) void test.bridge("work").emit("go", {}, "once")
        return OK
      }),
    ])
    await test.engine.applications.deploy(ONE, {})
    await emit(test, "go", "once")
    await test.settle()
    assert.deepEqual([calls, statuses(test)], [1, ["completed"]])
    await test.stop()
  })

  it("count against the executions that may run at once until they are durable", async () => {
    const store = new MemoryStore()
    const test = await testEngine([serviceOf(() => OK)], { store, maxActive: 10 })
    await test.engine.applications.deploy(ONE, {})
    store.hold()
    const answers = Array.from({ length: 100 }, () => emit(test))
    store.release()
    const refused = (await Promise.allSettled(answers)).filter(({ status }) => status === "rejected")
    assert.equal(refused.length, 90)
    await test.stop()
  })
})

describe("the data of executions", () => {
  it("is bounded all together, also of those that only wait for their last write", async () => {
    const store = new MemoryStore()
    const test = await testEngine([serviceOf(() => OK)], { store, maxActive: MANY })
    await test.engine.applications.deploy(ONE, {})
    store.hold()
    const data = "x".repeat(EVENT_DATA_BYTES_MAX - 100)
    const most = Math.ceil(EXECUTIONS_DATA_BYTES_MAX / data.length)
    const send = () => test.engine.events.accept({ service: "work", event: "go", data })
    const answers = Array.from({ length: most }, send)
    await assert.rejects(send(), { code: "OVERLOADED" })
    store.release()
    await Promise.all(answers)
    await test.settle()
    await send()
    await test.stop()
  })
})

describe("an execution that was ended", () => {
  it("is let go once, also where something else came for it too late", async () => {
    const test = await testEngine([serviceOf(() => new Promise(() => {}))])
    await test.engine.applications.deploy(ONE, {})
    const { executions } = await emit(test)
    const { runner } = test.engine.executions as ExecutionBook
    assert.ok(runner.heldBytes > 0)
    const live = runner.active.get(executions[0]!)!
    const cancel = () => runner.feed(live, [{ kind: "cancel", atMs: test.clock.now() }])
    assert.deepEqual(await Promise.all([cancel(), cancel()]), [null, "EXECUTION_ENDED"])
    assert.deepEqual([runner.heldBytes, runner.active.size, runner.ending.size, runner.running], [0, 0, 0, 0])
    await test.stop()
  })
})

describe("an event that comes while the first step of what waits for it goes on", () => {
  const answers: Record<string, NonNullable<TestService["execute"]>> = {
    "answers at once": () => OK,
    "answers in the same turn": async () => OK,
    "answers later": () => new Promise((resolve) => setImmediate(() => setImmediate(resolve, OK))),
  }
  for (const [how, execute] of Object.entries(answers)) {
    it(`finds it, where its task ${how}`, async () => {
      const test = await testEngine([serviceOf(execute)])
      await test.engine.applications.deploy(WAITING, {})
      await Promise.all([emit(test), emit(test, "next")])
      await test.settle()
      assert.deepEqual(statuses(test), ["completed"])
      await test.stop()
    })
  }

  it("finds it, where an expression takes its time", async () => {
    const expressions = new SlowExpressions()
    const test = await testEngine([serviceOf(() => OK)], { expressions })
    const { a, b } = WAITING.workflows.waiting.tasks
    const slow = { run: "work.a", after: "a.ok", with: { x: "{{ trigger.data.slow }}" } }
    const application = { name: "waiting", workflows: { waiting: { trigger, tasks: { a, b, slow } } } }
    await test.engine.applications.deploy(application, {})
    const accepting = [emit(test)]
    await test.settle()
    accepting.push(emit(test, "next"))
    await test.settle()
    expressions.letGo()
    await Promise.all(accepting)
    await test.settle()
    assert.deepEqual(statuses(test), ["completed"])
    await test.stop()
  })
})
