import assert from "node:assert/strict"
import { TASK_INTERRUPTIONS_MAX } from "../../../../agent/base/limits.ts"
import type { RecoverAnswer, TaskAnswer } from "../../../../agent/ports/service-host.ts"
import { testEngine, type TestService } from "../../../support/engine.ts"

type Effect = "pure" | "idempotent" | "effectful"

/** A service whose first runs end in the middle of their task, as hosts tell of it; a later one answers. */
function cut(effect: Effect, options: { outcome?: "known" | "unknown"; cuts?: number; recover?: RecoverAnswer } = {}) {
  const { outcome = "unknown", cuts = 1, recover = { kind: "unknown" } } = options
  let cutNow = () => {}
  const calls: string[] = []
  const service: TestService = {
    manifest: {
      id: "work",
      name: "Work",
      version: "1.0.0",
      config: { n: { type: "number" } },
      tasks: { do: { statuses: { ok: { data: {} } }, effect } },
    },
    execute: ({ execution }) => {
      calls.push(execution)
      if (calls.length > cuts) return { kind: "result", status: "ok", data: {} }
      const { promise, resolve } = Promise.withResolvers<TaskAnswer>()
      cutNow = () => resolve({ kind: "error", code: "SERVICE_STOPPED", message: "work has been stopped", outcome })
      return promise
    },
    recover: () => recover,
    stop: async () => cutNow(),
  }
  return { service, calls }
}

async function endOfCall(made: ReturnType<typeof cut>, restarts = 1) {
  const test = await testEngine([made.service])
  const { services } = test.engine
  const called = services.call("work" as never, "do", {}, 60_000, new AbortController().signal)
  for (let n = 0; n < restarts; n++) {
    await test.settle()
    await services.configure("work" as never, { n })
    // Tries again are begun by the clock.
    await test.pass(0)
  }
  const { status, data } = await called
  await test.stop()
  return { status, code: (data as { code?: string }).code, calls: made.calls.length, keys: new Set(made.calls).size }
}

describe("a task whose service is stopped for other settings", () => {
  const cases = [
    { what: "runs again where it is pure", made: () => cut("pure"), status: "ok", calls: 2 },
    { what: "runs again where it is idempotent", made: () => cut("idempotent"), status: "ok", calls: 2 },
    {
      what: "runs again where it never got there",
      made: () => cut("effectful", { outcome: "known" }),
      status: "ok",
      calls: 2,
    },
    {
      what: "runs again where its service knows that it was not done",
      made: () => cut("effectful", { recover: { kind: "not-done" } }),
      status: "ok",
      calls: 2,
    },
    {
      what: "has the result that its service knows of",
      made: () => cut("effectful", { recover: { kind: "result", status: "ok", data: {} } }),
      status: "ok",
      calls: 1,
    },
    {
      what: "ends where nobody knows of its effect",
      made: () => cut("effectful"),
      status: "error",
      code: "INTERRUPTED",
      calls: 1,
    },
  ]
  for (const { what, made, code, ...expected } of cases) {
    it(`${what}`, async () => {
      assert.deepEqual(await endOfCall(made()), { ...expected, code, keys: 1 })
    })
  }

  it("is run again a bounded number of times", async () => {
    const times = TASK_INTERRUPTIONS_MAX + 1
    const made = cut("pure", { cuts: times })
    assert.deepEqual(await endOfCall(made, times), { status: "error", code: "INTERRUPTED", calls: times, keys: 1 })
  })
})
