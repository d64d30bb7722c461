import assert from "node:assert/strict"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const ANY = { data: { type: "object" } } as const
const manifest: ManifestInput = {
  id: "work",
  name: "Work",
  version: "1.0.0",
  isolation: "in-process",
  events: { go: ANY },
  tasks: { do: { statuses: { ok: ANY }, effect: "idempotent" } },
}
const application = {
  name: "app",
  workflows: { w: { trigger: { service: "work", event: "go" }, tasks: { a: { run: "work.do" } } } },
}

/** As on a real device what is written can be read before the writer hears of it. */
class LateStore extends MemoryStore {
  late: Promise<void> = Promise.resolve()

  override async write(...given: Parameters<MemoryStore["write"]>): Promise<void> {
    await super.write(...given)
    await this.late
  }
}

describe("the list of executions", () => {
  it("names one whose end is just being written once", async () => {
    const store = new LateStore()
    const test = await testEngine([{ manifest }], { store })
    await test.engine.applications.deploy(application, {})
    const { executions } = await test.engine.events.accept({ service: "work", event: "go", data: {} })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.late = promise
    await test.settle()
    const ids = () => test.engine.executions.list({}).items.map(({ id }) => id)
    assert.deepEqual(ids(), executions)
    resolve()
    await test.settle()
    assert.deepEqual(ids(), executions)
    await test.stop()
  })
})
