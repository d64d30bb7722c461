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
