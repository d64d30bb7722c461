import assert from "node:assert/strict"
import { APPLICATION_VERSIONS_KEPT, DEDUPE_KEPT_MS_MIN } from "../../../../agent/base/limits.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { type TestEngine, testEngine } from "../../../support/engine.ts"
import { MemoryStore } from "../../../support/memory-store.ts"
import { ONE_WAITS, WORK, workApplication } from "../../../support/work-service.ts"

const DAY_MS = 86_400_000
function go(test: TestEngine, data: { padding?: string } = {}) {
  return test.engine.events.accept({ service: "work", event: "go", data })
}

/** Time passes at once: each timer rings at most once. */
async function jump(test: TestEngine, ms: number): Promise<void> {
  test.clock.advance(ms)
  await test.settle()
}

describe("pruning", () => {
  it("takes what ended longer ago than it is kept, and nothing else", async () => {
    const test = await testEngine([{ manifest: WORK }])
    await test.engine.applications.deploy(workApplication("work"), {})
    await test.engine.applications.deploy(workApplication("waiting", ONE_WAITS), {})
    await go(test)
    await jump(test, DAY_MS / 2)
    await go(test)
    await jump(test, DAY_MS / 2)
    await jump(test, DAY_MS / 4)
    const kept = test.engine.executions.list({}).items.map(({ app, status }) => `${app} ${status}`)
    assert.deepEqual(kept.sort(), ["waiting waiting", "waiting waiting", "work completed"])
    await test.stop()
  })

  it("takes the oldest that ended when the quota is nearly reached, and never one that has not", async () => {
    const store = new MemoryStore({ quotaBytes: 2_000_000 })
    const test = await testEngine([{ manifest: WORK }], { store })
    await test.engine.applications.deploy(workApplication("waiting", ONE_WAITS), {})
    const { executions } = await go(test)
    await test.engine.applications.remove("waiting" as never)
    await test.engine.applications.deploy(workApplication("work"), {})
    const newest = { id: "" }
    for (let i = 0; i < 40; i++) {
      newest.id = (await go(test, { padding: "x".repeat(80_000) })).executions[0]!
      await jump(test, 5000)
    }
    const { bytes, quotaBytes } = store.usage()
    assert.equal(bytes < quotaBytes * 0.85, true, `${bytes} of ${quotaBytes} bytes`)
    const kept = test.engine.executions.list({}).items.map(({ id }) => id)
    assert.equal(kept.includes(executions[0]!), true)
    assert.equal(kept.includes(newest.id as never), true)
    await test.stop()
  })

  it("lets events in again where old ids of others have filled the store", async () => {
    const store = new MemoryStore({ quotaBytes: 4_000_000 })
    const before = await testEngine([{ manifest: WORK }], { store })
    await before.engine.applications.deploy(workApplication("work"), {})
    await before.stop()
    // Of an agent that had more room.
    const value = { v: 1, executions: [], data: "x".repeat(200) }
    for (let i = 0; store.usage().bytes < 3_800_000; i++) {
      await store.write([{ put: TABLE.eventId, key: [1, "work", "go", `id-${i}`], value }], { reserve: true })
    }
    const test = await testEngine([{ manifest: WORK }], { store, clock: before.clock, seed: 2 })
    await assert.rejects(go(test), { code: "OVERLOADED" })
    await test.pass(2 * DEDUPE_KEPT_MS_MIN)
    assert.equal((await go(test)).executions.length, 1)
    assert.ok(test.log.lines.some(({ level, message }) => level === "warn" && /ids of events/.test(message)))
    await test.stop()
  })

  it("takes what ended for good: a start after it begins none of it again", async () => {
    const store = new MemoryStore()
    const first = await testEngine([{ manifest: WORK }], { store })
    await first.engine.applications.deploy(workApplication("work"), {})
    await go(first)
    await jump(first, DAY_MS / 2)
    await jump(first, DAY_MS)
    await jump(first, DAY_MS / 4)
    assert.deepEqual(first.engine.executions.list({}).items, [])
    await first.stop()
    const second = await testEngine([{ manifest: WORK }], { store: store.crash(), seed: 2 })
    await second.settle()
    assert.deepEqual(second.engine.executions.list({}).items, [])
    await second.stop()
  })

  it("takes versions of applications that no kept execution is pinned to, and no other", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const deploy = async (times: number) => {
      for (let i = 0; i < times; i++) await test.engine.applications.deploy(workApplication("work"), {})
    }
    const versions = () => Array.from(test.store.range(TABLE.applicationVersion), ({ key }) => key[1])
    await deploy(2)
    await go(test)
    await deploy(APPLICATION_VERSIONS_KEPT)
    await jump(test, DAY_MS / 2)
    assert.equal(versions().length, APPLICATION_VERSIONS_KEPT + 1)
    assert.equal(versions()[0], 2)
    assert.deepEqual(
      test.engine.executions.list({}).items.map(({ version }) => version),
      [2],
    )
    await jump(test, DAY_MS)
    await jump(test, DAY_MS / 4)
    assert.deepEqual(test.engine.executions.list({}).items, [])
    assert.equal(versions().length, APPLICATION_VERSIONS_KEPT)
    await test.stop()
  })
})
