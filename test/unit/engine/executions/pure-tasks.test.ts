import assert from "node:assert/strict"
import { CAREFUL_AFTER_CRASH_MS } from "../../../../agent/base/limits.ts"
import type { ExecutionId } from "../../../../agent/base/ids.ts"
import { readEnded, readOpenRow } from "../../../../agent/engine/executions/records.ts"
import { stepsOfText } from "../../../../agent/engine/executions/step-text.ts"
import type { Change } from "../../../../agent/ports/store.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { type TestService, testEngine } from "../../../support/engine.ts"

type Effect = "pure" | "idempotent"

function serviceOf(effect: Effect, execute: TestService["execute"]): TestService {
  const task = { statuses: { ok: {} }, effect } as const
  const manifest: ManifestInput = {
    id: "work",
    name: "Work",
    version: "1.0.0",
    isolation: "in-process",
    events: { go: { data: {} } },
    tasks: { a: task, b: task, c: task },
  }
  return { manifest, ...(execute === undefined ? {} : { execute }) }
}

const application = {
  name: "steps",
  workflows: {
    steps: {
      trigger: { service: "work", event: "go" },
      tasks: {
        a: { run: "work.a" },
        b: { run: "work.b", after: "a.ok" },
        c: { run: "work.c", after: "b.ok" },
      },
    },
  },
}

/** A store that says which steps were written. */
class WatchedStore extends MemoryStore {
  readonly steps: (readonly string[])[] = []

  override write(...[changes, options]: Parameters<MemoryStore["write"]>): Promise<void> {
    for (const change of changes) if (isStep(change)) this.steps.push(newestKinds(change))
    return super.write(changes, options)
  }
}

type StepChange = Change & { readonly put: string; readonly value: unknown }

function isStep(change: Change): change is StepChange {
  return "put" in change && (change.put === TABLE.open || change.put === TABLE.finished)
}

function newestKinds({ put, value }: StepChange): string[] {
  const text = put === TABLE.open ? readOpenRow(value).steps : readEnded(value).written!.tail
  const written = stepsOfText(text, { execution: "ex_any" as ExecutionId, core: "" })
  const kinds = written.at(-1)!.inputs.map((input): string => input.kind)
  return kinds.filter((kind) => kind !== "prepared" && kind !== "assigned")
}

async function run(effect: Effect, execute?: TestService["execute"]) {
  const store = new WatchedStore()
  const test = await testEngine([serviceOf(effect, execute)], { store })
  await test.engine.applications.deploy(application, {})
  const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
  return { ...test, store, id: executions[0]! }
}

describe("pure tasks", () => {
  for (const [how, answer] of Object.entries({ "at once": () => ok, "in the same turn": async () => ok })) {
    it(`that answer ${how} share one step with the event and what follows them`, async () => {
      const { store, engine, id, settle, stop } = await run("pure", answer)
      await settle()
      assert.deepEqual(store.steps, [["triggered", "started", "result", "started", "result", "started", "result"]])
      assert.equal(engine.executions.show(id).status, "completed")
      await stop()
    })
  }

  it("are not seen before their execution is durable", async () => {
    const store = new WatchedStore()
    const test = await testEngine([serviceOf("pure", () => ok)], { store })
    await test.engine.applications.deploy(application, {})
    const seen: string[] = []
    test.engine.feed.subscribe(({ kind }) => seen.push(kind))
    store.hold()
    let accepted = false
    const accepting = test.engine.events.accept({ service: "work", event: "go", data: {} }).then(() => {
      accepted = true
    })
    await test.settle()
    assert.deepEqual({ seen, accepted }, { seen: [], accepted: false })
    assert.deepEqual(test.engine.executions.counts(), { running: 1, waiting: 0, completed: 0, failed: 0, cancelled: 0 })
    store.release()
    await accepting
    await test.settle()
    assert.deepEqual(seen.sort(), ["event", "execution"])
    await test.stop()
  })

  it("begin only once their execution is durable for a while after a crash, as one of them may be its cause", async () => {
    const begun: string[] = []
    const store = new WatchedStore()
    const service = serviceOf("pure", ({ task }) => (begun.push(task), ok))
    const test = await testEngine([service], { store, afterCrash: true })
    await test.engine.applications.deploy(application, {})
    store.hold()
    const accepting = test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    assert.deepEqual(begun, [])
    store.release()
    await accepting
    await test.settle()
    assert.deepEqual(begun, ["a", "b", "c"])
    assert.deepEqual(store.steps, [["triggered", "started"], ["result", "started"], ["result", "started"], ["result"]])

    await test.pass(CAREFUL_AFTER_CRASH_MS)
    store.steps.length = 0
    await test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    assert.equal(store.steps.length, 1)
    await test.stop()
  })

  it("that take longer are recorded as started meanwhile, and end in a step of their own", async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { store, engine, id, settle, stop } = await run("pure", async ({ task }) => {
      if (task === "b") await promise
      return ok
    })
    await settle()
    assert.deepEqual(store.steps, [["triggered", "started", "result", "started"]])
    assert.equal(engine.executions.show(id).tasks["b"]!.state, "started")
    resolve()
    await settle()
    assert.deepEqual(store.steps.at(-1), ["result", "started", "result"])
    assert.equal(engine.executions.show(id).status, "completed")
    await stop()
  })

  it("that fail at once are tried and ended like any other", async () => {
    const { engine, id, settle, stop } = await run("pure", ({ task }) =>
      task === "b" ? { kind: "error", code: "BROKEN", message: "no", outcome: "known" } : ok,
    )
    await settle()
    const { status, tasks } = engine.executions.show(id)
    assert.equal(status, "failed")
    assert.deepEqual(tasks["b"]!.data, { code: "BROKEN", message: "no" })
    await stop()
  })

  it("begin only once the result is durable that they follow, of a task with an effect", async () => {
    const store = new WatchedStore()
    const manifest = serviceOf("pure", () => ok).manifest
    const service = {
      manifest: { ...manifest, tasks: { ...manifest.tasks, a: { statuses: { ok: {} } } } },
      execute: () => ok,
    }
    const test = await testEngine([service], { store })
    await test.engine.applications.deploy(application, {})
    await test.engine.events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    assert.deepEqual(store.steps, [
      ["triggered", "started"],
      ["result", "started"],
      ["result", "started", "result"],
    ])
    await test.stop()
  })

  it("are the only ones: a task with an effect outside begins when its start is durable", async () => {
    const { store, settle, stop } = await run("idempotent")
    await settle()
    assert.deepEqual(store.steps, [["triggered", "started"], ["result", "started"], ["result", "started"], ["result"]])
    await stop()
  })
})

const ok = { kind: "result", status: "ok", data: {} } as const
