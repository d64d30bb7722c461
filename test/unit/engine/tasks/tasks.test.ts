import assert from "node:assert/strict"
import { type Executors, Tasks } from "../../../../agent/engine/tasks/tasks.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { definitionOf } from "../../../support/workflow.ts"

describe("a slot", () => {
  const definition = definitionOf({ a: {} }).tasks[0]!
  const nobody: Executors = {
    service: () => null,
    application: () => Promise.reject(new Error("there is none")),
    wasStopped: () => false,
    isRemote: () => false,
  }
  const unwanted: { name: string; begin: () => Promise<boolean> }[] = [
    { name: "is not wanted any more", begin: async () => false },
    { name: "was wanted by what failed", begin: () => Promise.reject(new Error("the store has failed")) },
  ]
  for (const { name, begin } of unwanted) {
    it(`that ${name} goes to the next in the queue, then is free`, async () => {
      const tasks = new Tasks(new FakeClock(), nobody)
      const second = Promise.withResolvers<void>()
      tasks.begin(definition, 1, begin)
      tasks.begin(definition, 1, async () => {
        second.resolve()
        return false
      })
      assert.equal(tasks.queued(), 1)
      await second.promise
      await Promise.resolve()
      assert.equal(tasks.queued(), 0)
      assert.equal(tasks.place(definition, 1, begin), true)
    })
  }

  it("that is wanted stays taken", async () => {
    const tasks = new Tasks(new FakeClock(), nobody)
    tasks.begin(definition, 1, async () => true)
    await Promise.resolve()
    assert.equal(
      tasks.place(definition, 1, async () => true),
      false,
    )
  })
})
