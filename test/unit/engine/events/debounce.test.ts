import assert from "node:assert/strict"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { WORK } from "../../../support/work-service.ts"

const DEBOUNCE_MS = 10_000

function calm(workflow = "w") {
  const trigger = { service: "work", event: "go", debounce: `${DEBOUNCE_MS / 1000}s` }
  return { name: "calm", workflows: { [workflow]: { trigger, tasks: { a: { run: "work.do" } } } } }
}

describe("a burst that is not over yet", () => {
  let test: TestEngine
  let store: MemoryStore
  beforeEach(async () => {
    store = new MemoryStore()
    test = await testEngine([{ manifest: WORK }], { store })
    await test.engine.applications.deploy(calm(), {})
    await test.bridge("work").emit("go", { n: 1 })
  })
  afterEach(() => test.stop())

  const app = "calm" as never
  const completed = () => test.engine.executions.counts().completed
  const remembered = () => store.count(TABLE.admission)

  it("is forgotten with its application, in memory and in the store", async () => {
    assert.equal(remembered(), 1)
    await test.engine.applications.remove(app)
    await test.settle()
    assert.equal(remembered(), 0)
    await test.engine.applications.deploy(calm(), {})
    await test.pass(2 * DEBOUNCE_MS)
    assert.equal(completed(), 0)
  })

  it("is forgotten with its workflow, and kept where a new version has it", async () => {
    await test.engine.applications.deploy(calm(), {})
    assert.equal(remembered(), 1)
    await test.engine.applications.deploy(calm("another"), {})
    await test.settle()
    assert.equal(remembered(), 0)
  })

  it("makes an execution of the newest version", async () => {
    await test.engine.applications.deploy(calm(), {})
    await test.pass(DEBOUNCE_MS)
    assert.deepEqual(
      test.engine.executions.list({}).items.map(({ version }) => version),
      [2],
    )
  })

  it("waits out a pause: its execution is made when the application is resumed", async () => {
    await test.engine.applications.pause(app)
    await test.pass(2 * DEBOUNCE_MS)
    assert.equal(completed(), 0)
    await test.engine.applications.resume(app)
    await test.pass(0)
    await test.settle()
    assert.equal(completed(), 1)
  })

  it("goes on where it was after a pause that was shorter", async () => {
    await test.engine.applications.pause(app)
    await test.pass(DEBOUNCE_MS / 2)
    await test.engine.applications.resume(app)
    await test.settle()
    assert.equal(completed(), 0)
    await test.pass(DEBOUNCE_MS / 2)
    await test.settle()
    assert.equal(completed(), 1)
  })

  it("of an application that was removed is not taken up by a restart either", async () => {
    const [row] = [...store.range(TABLE.admission)]
    await test.engine.applications.remove(app)
    await test.settle()
    await test.stop()
    // As if the agent had died between the two writes.
    await store.write([{ put: TABLE.admission, key: row!.key, value: row!.value }])
    test = await testEngine([{ manifest: WORK }], { store })
    await test.settle()
    assert.equal(remembered(), 0)
  })
})
