import assert from "node:assert/strict"
import { type TestEngine, testEngine } from "../../support/engine.ts"
import { MemoryStore } from "../../support/memory-store.ts"
import { WORK, workApplication } from "../../support/work-service.ts"

const DAY_MS = 86_400_000
const PRUNED_EVERY_MS = 5000
const ID = "work" as never
const GO = { service: "work", event: "go", data: {} }

/** What may be under way in the store when the agent is told to stop. */
const cases: readonly { readonly name: string; begin(test: TestEngine): Promise<unknown> | null }[] = [
  { name: "the removal of a service", begin: ({ engine }) => engine.services.remove(ID) },
  { name: "new settings of a service", begin: ({ engine }) => engine.services.configure(ID, { n: 1 }) },
  { name: "an event", begin: ({ engine }) => engine.events.accept(GO) },
  {
    name: "pruning",
    begin: ({ clock }) => {
      clock.advance(PRUNED_EVERY_MS)
      return null
    },
  },
]

describe("a stop while the store waits for room", () => {
  for (const { name, begin } of cases)
    it(`does not wait for ${name}, and breaks nothing`, async () => {
      const store = new MemoryStore()
      const test = await testEngine([], {
        store,
        addable: [{ manifest: { ...WORK, config: { n: { type: "number" } } } }],
      })
      await test.engine.services.add("work", { trust: true })
      await test.engine.applications.deploy(workApplication("work"), {})
      await test.engine.events.accept(GO)
      test.clock.advance(2 * DAY_MS)
      await test.settle()
      store.hold()
      const underWay = begin(test)
      const refused = underWay && assert.rejects(underWay, { code: "QUOTA" })
      await test.settle()
      store.fill()
      await test.stop()
      await refused
      assert.deepEqual(test.broken, [])
    })
})
