import assert from "node:assert/strict"
import { TASK_INTERRUPTIONS_MAX } from "../../../../agent/base/limits.ts"
import type { Application } from "../../../../agent/schema/application.ts"
import { testEngine, type TestService } from "../../../support/engine.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const OK = { kind: "result", status: "ok", data: {} } as const
const ANY = { data: {} } as const
const MANIFEST: TestService["manifest"] = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  events: { go: ANY, next: ANY },
  tasks: {
    first: { statuses: { ok: {} }, effect: "idempotent" },
    bad: { statuses: { ok: {} }, effect: "pure" },
  },
}

const next = { service: "work", event: "next" }
const first = { run: "work.first" }
const WAYS: Record<string, object> = {
  alone: { bad: { run: "work.bad" } },
  "behind another": { first, bad: { run: "work.bad", after: "first.ok" } },
  "behind a wait that has timed out": {
    first,
    wait: { run: "work.first", after: "first.ok", wait: { ...next, timeout: "1s" } },
    bad: { run: "work.bad", after: "wait.timed-out" },
  },
  "behind an awaited event": { first, bad: { run: "work.bad", after: "first.ok", wait: next } },
}

describe("a pure task that ends the process each time", () => {
  for (const [way, tasks] of Object.entries(WAYS)) {
    it(`is suspected after so many interruptions, and ends in error: ${way}`, async () => {
      const application = { name: "x", workflows: { x: { trigger: { service: "work", event: "go" }, tasks } } }
      const clock = new FakeClock()
      let store = new MemoryStore()
      let crashes = 0
      for (;;) {
        assert.ok(crashes <= TASK_INTERRUPTIONS_MAX + 2, `it goes on after ${crashes} crashes`)
        const survivor = await live(store, clock, crashes, application as never, way === "behind an awaited event")
        if (survivor === null) break
        crashes++
        store = survivor
        clock.advance(1000)
      }
      assert.ok(crashes > TASK_INTERRUPTIONS_MAX, `${crashes} crashes`)
    })
  }
})

/** One life of the agent. @returns what a crash left in the store; null where the execution has ended without one */
async function live(
  store: MemoryStore,
  clock: FakeClock,
  crashes: number,
  application: Application,
  awaits: boolean,
): Promise<MemoryStore | null> {
  let survivor: MemoryStore | null = null
  const service: TestService = {
    manifest: MANIFEST,
    execute: ({ task }) => {
      if (task !== "bad") return OK
      survivor ??= store.crash()
      return new Promise(() => {})
    },
  }
  const { engine, settle, pass, stop } = await testEngine([service], { store, clock, afterCrash: crashes > 0 })
  if (crashes === 0) await engine.applications.deploy(application, {})
  // Their sender repeats them after each crash, as nobody may have acknowledged them. Of the last life nothing is told.
  const send = async (event: string) => {
    void engine.events.accept({ service: "work", event, data: {}, id: event }).catch(() => null)
    await settle()
  }
  await settle()
  if (survivor === null) await send("go")
  if (survivor === null && awaits) await send("next")
  if (survivor === null) await pass(2000)
  if (survivor === null) {
    const [execution] = engine.executions.list({}).items
    assert.equal(execution?.status, "failed")
    assert.deepEqual((execution.tasks["bad"]!.data as { code: string }).code, "INTERRUPTED")
  }
  await stop()
  return survivor
}
