import assert from "node:assert/strict"
import { testEngine, type TestService } from "../../support/engine.ts"
import { MemoryStore } from "../../support/memory-store.ts"

const APPLICATION = {
  name: "app",
  workflows: {
    w: { trigger: { service: "work", event: "go", overlap: "queue" }, tasks: { a: { run: "work.do" } } },
  },
}

/** A service whose tasks end when they are let. */
function work(goOn: Promise<void>) {
  let starts = 0
  const calls: string[] = []
  const service: TestService = {
    manifest: {
      id: "work",
      name: "Work",
      version: "1.0.0",
      events: { go: { data: { type: "object" } } },
      tasks: { do: { statuses: { ok: {} } } },
    },
    start: () => void starts++,
    execute: async ({ execution }) => {
      calls.push(execution)
      await goOn
      return { kind: "result", status: "ok", data: {} }
    },
  }
  return { service, calls, starts: () => starts }
}

describe("an agent in safe mode", () => {
  it("makes publishers wait, as nobody would take their events", async () => {
    const test = await testEngine([work(Promise.resolve()).service], { start: false })
    await test.engine.start({ safe: true })
    assert.equal(test.broker.holding, true)
    await test.stop()
  })

  it("refuses an event, though nothing waits for it: it would be lost", async () => {
    const test = await testEngine([work(Promise.resolve()).service], { start: false })
    await test.engine.start({ safe: true })
    const event = { service: "work", event: "go", data: {} }
    await assert.rejects(test.engine.events.accept(event), { detail: { code: "SAFE_MODE" } })
    assert.equal(test.engine.events.counts().accepted, 0)
    await test.stop()
  })

  it("runs no service that is added or configured, and the next start runs it so", async () => {
    const { service, starts } = work(Promise.resolve())
    const manifest = { ...service.manifest, config: { n: { type: "number" } } } as const
    const store = new MemoryStore()
    const first = await testEngine([], { store, addable: [{ ...service, manifest }], start: false })
    await first.engine.start({ safe: true })
    assert.equal((await first.engine.services.add("work", { trust: false })).state, "stopped")
    assert.equal((await first.engine.services.add("work", { trust: false })).state, "stopped")
    assert.equal((await first.engine.services.configure("work" as never, { n: 1 })).state, "stopped")
    assert.equal(starts(), 0)
    await first.stop()
    const next = await testEngine([], { store, addable: [{ ...service, manifest }] })
    assert.equal(starts(), 1)
    assert.deepEqual(next.engine.services.show("work" as never).config, { n: 1 })
    await next.stop()
  })

  it("ends what is cancelled, and begins nothing for it: whose turn it is then runs at the next start", async () => {
    const goOn = Promise.withResolvers<void>()
    const { service, calls } = work(goOn.promise)
    const store = new MemoryStore()
    const before = await testEngine([service], { store })
    await before.engine.applications.deploy(APPLICATION, {})
    const accept = async () =>
      (await before.engine.events.accept({ service: "work", event: "go", data: {} })).executions[0]!
    const [running, held] = [await accept(), await accept()]
    await before.settle()
    const survivor = store.crash()
    await before.stop()
    calls.length = 0

    const safe = await testEngine([service], { store: survivor, clock: before.clock, seed: 2, start: false })
    await safe.engine.start({ safe: true })
    assert.equal((await safe.engine.executions.cancel(running)).status, "cancelled")
    await safe.settle()
    assert.equal(safe.engine.executions.show(held).status, "created")
    assert.deepEqual(calls, [])
    await safe.stop()

    goOn.resolve()
    const after = await testEngine([service], { store: survivor, clock: before.clock, seed: 3 })
    await after.settle()
    assert.equal(after.engine.executions.show(held).status, "completed")
    assert.equal(calls.length, 1)
    await after.stop()
  })
})
