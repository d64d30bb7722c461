import assert from "node:assert/strict"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { testEngine, type TestService } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const application = {
  name: "app",
  workflows: {
    w: {
      trigger: { service: "work", event: "go" },
      tasks: { a: { run: "work.do" }, b: { run: "work.do", after: "a.ok" } },
    },
  },
}

describe("a start", () => {
  for (const effect of ["pure", "idempotent", "effectful"] as const) {
    it(`begins nothing again that has ended: ${effect} tasks, whose rows are still in the log`, async () => {
      const calls: string[] = []
      // Until then no task ends: else pure ones would leave no row.
      const accepted = Promise.withResolvers<void>()
      const service: TestService = {
        manifest: {
          id: "work",
          name: "Work",
          version: "1.0.0",
          events: { go: { data: { type: "object" } } },
          tasks: { do: { statuses: { ok: {} }, effect } },
        },
        execute: async ({ execution }) => {
          calls.push(execution)
          await accepted.promise
          return { kind: "result", status: "ok", data: {} }
        },
      }
      const store = new MemoryStore()
      const before = await testEngine([service], { store })
      await before.engine.applications.deploy(application, {})
      const { executions } = await before.engine.events.accept({ service: "work", event: "go", data: {} })
      accepted.resolve()
      await before.settle()
      const id = executions[0]!
      assert.equal(before.engine.executions.show(id).status, "completed")
      assert.equal(calls.length, 2)
      assert.ok(store.count(TABLE.open) > 0, "the rows have gone: the test met nothing")

      const survivor = store.crash()
      await before.stop()
      const after = await testEngine([service], { store: survivor, clock: before.clock, seed: 2 })
      await after.settle()
      assert.equal(calls.length, 2)
      assert.deepEqual(after.engine.executions.counts(), {
        running: 0,
        waiting: 0,
        completed: 1,
        failed: 0,
        cancelled: 0,
      })
      assert.equal(after.engine.executions.show(id).status, "completed")
      await after.stop()
    })
  }
})

describe("a secret that a service was given before a restart", () => {
  it("is taken out of what comes back after it", async () => {
    let kept: unknown = null
    const ANY = { data: {} }
    const service: TestService = {
      manifest: {
        id: "work",
        name: "Work",
        version: "1.0.0",
        events: { keep: ANY, give: ANY },
        tasks: { keep: { statuses: { ok: ANY } }, give: { statuses: { ok: ANY } } },
      },
      execute: ({ task, inputs }) => {
        if (task === "keep") kept = inputs
        return { kind: "result", status: "ok", data: kept as never }
      },
    }
    const keeping = {
      name: "keeping",
      config: { key: { type: "string", secret: true } },
      workflows: {
        keep: {
          trigger: { service: "work", event: "keep" },
          tasks: { keep: { run: "work.keep", with: { key: "{{ config.key }}" } } },
        },
        give: { trigger: { service: "work", event: "give" }, tasks: { give: { run: "work.give" } } },
      },
    }
    const store = new MemoryStore()
    const before = await testEngine([service], { store })
    await before.engine.applications.deploy(keeping as never, { key: "canary-of-the-test" })
    await before.engine.events.accept({ service: "work", event: "keep", data: {} })
    await before.settle()
    assert.deepEqual(kept, { key: "canary-of-the-test" })
    const survivor = store.crash()
    await before.stop()

    const after = await testEngine([service], { store: survivor, clock: before.clock, seed: 2 })
    const { executions } = await after.engine.events.accept({ service: "work", event: "give", data: {} })
    await after.settle()
    const { tasks } = after.engine.executions.show(executions[0]!)
    assert.deepEqual(tasks["give"]!.data, { key: "(secret)" })
    await after.stop()
  })
})

/** Each way in which something becomes due while the agent is off, or just as it starts. */
const DUE: Record<string, { tasks: Record<string, object>; event?: string }> = {
  "a wait that has timed out": {
    tasks: {
      first: { run: "work.do" },
      wait: { run: "work.do", after: "first.ok", wait: { service: "work", event: "next", timeout: "1s" } },
      pay: { run: "work.pay", after: "wait.timed-out" },
    },
  },
  "a retry's backoff": { tasks: { pay: { run: "work.fails-once" } } },
  "an event it waits for": {
    tasks: {
      first: { run: "work.do" },
      pay: { run: "work.pay", after: "first.ok", wait: { service: "work", event: "next" } },
    },
    event: "next",
  },
}

describe("what is due before all services run", () => {
  /** A service with effects, whose tasks `pay` and `fails-once` take until they are let end. */
  function payingService() {
    const paid = Promise.withResolvers<void>()
    const ready = Promise.withResolvers<void>()
    const calls: string[] = []
    const recovered: string[] = []
    const service: TestService = {
      recover: ({ task }) => {
        recovered.push(task)
        return { kind: "unknown" }
      },
      manifest: {
        id: "work",
        name: "Work",
        version: "1.0.0",
        events: { go: { data: {} }, next: { data: {} } },
        tasks: {
          do: { statuses: { ok: {} }, effect: "idempotent" },
          pay: { statuses: { ok: {} }, effect: "effectful" },
          "fails-once": { statuses: { ok: {} }, effect: "effectful", retry: { attempts: 2, backoffMs: 1000 } },
        },
      },
      execute: async ({ task }) => {
        if (task !== "do") calls.push(task)
        if (task === "fails-once" && calls.length === 1)
          return { kind: "error", code: "BUSY", message: "later", outcome: "known" }
        if (task !== "do") await paid.promise
        return { kind: "result", status: "ok", data: {} }
      },
    }
    return { service, calls, recovered, paid, ready }
  }

  /** A crash with an execution of these tasks under way; the agent comes back when its time is over. */
  async function crashed(tasks: Record<string, object>) {
    const { service, calls, recovered, paid, ready } = payingService()
    const store = new MemoryStore()
    const { engine, clock, settle, stop } = await testEngine([service], { store })
    const workflows = { w: { trigger: { service: "work", event: "go" }, tasks } }
    await engine.applications.deploy({ name: "app", workflows } as never, {})
    const { executions } = await engine.events.accept({ service: "work", event: "go", data: {} })
    await settle()
    const survivor = store.crash()
    const id = executions[0]!
    const { transitions } = engine.executions.show(id)
    await stop()

    clock.advance(5000)
    const slow: TestService = { manifest: { id: "slow", name: "Slow", version: "1.0.0" }, start: () => ready.promise }
    const after = await testEngine([service, slow], { store: survivor, clock, seed: 2, start: false })
    return { ...after, id, transitions, calls, recovered, paid, ready }
  }

  it("is no matter of the last run where it was cancelled meanwhile: nobody is asked what became of it", async () => {
    const { engine, pass, stop, id, ready, recovered } = await crashed({ pay: { run: "work.pay" } })
    const starting = engine.start()
    await pass(0)
    await engine.executions.cancel(id)
    ready.resolve()
    await starting
    await pass(0)
    assert.deepEqual(recovered, [])
    assert.equal(engine.executions.show(id).status, "cancelled")
    await stop()
  })

  it("is over before an event that comes as services start", async () => {
    const { engine, pass, stop, id, ready } = await crashed(DUE["a wait that has timed out"]!.tasks)
    const starting = engine.start()
    await pass(0)
    await engine.events.accept({ service: "work", event: "next", data: {} })
    ready.resolve()
    await starting
    await pass(0)
    assert.deepEqual(
      Object.entries(engine.executions.show(id).tasks).map(([name, { status }]) => [name, status]),
      [
        ["first", "ok"],
        ["wait", "timed-out"],
        ["pay", null],
      ],
    )
    await stop()
  })

  for (const [way, { tasks, event }] of Object.entries(DUE)) {
    it(`runs once and is no interruption: ${way}`, async () => {
      const { engine, pass, settle, stop, id, calls, paid, ready } = await crashed(tasks)
      const did = calls.length
      const starting = engine.start()
      await pass(0)
      if (event !== undefined) await engine.events.accept({ service: "work", event, data: {} })
      await pass(0)
      ready.resolve()
      await starting
      await pass(0)
      assert.equal(calls.length, did + 1)
      paid.resolve()
      await settle()
      assert.equal(engine.executions.show(id).status, "completed")
      assert.equal(calls.length, did + 1)
      await stop()
    })

    it(`stays as it is in safe mode: ${way}`, async () => {
      const { engine, pass, stop, id, transitions } = await crashed(tasks)
      await engine.start({ safe: true })
      await pass(5000)
      assert.deepEqual(engine.executions.show(id).transitions, transitions)
      await stop()
    })
  }
})
