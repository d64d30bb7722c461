import assert from "node:assert/strict"
import { type Plugin, recordingPlugin, runPlugin } from "../../support/run-plugin.ts"
import type { RecordingBridge } from "../../support/service-bridge.ts"

describe("the service store", () => {
  let plugin: Plugin<RecordingBridge>
  beforeEach(async () => {
    plugin = await recordingPlugin("store")
  })
  afterEach(() => plugin.stop())

  it("gives what was set, and forgets what was deleted", async () => {
    assert.deepEqual(await plugin.result("get", { key: "a" }), ["missing", {}])
    assert.deepEqual(await plugin.result("set", { key: "a", value: [1] }), ["created", {}])
    assert.deepEqual(await plugin.result("get", { key: "a" }), ["found", { value: [1] }])
    assert.deepEqual(await plugin.result("set", { key: "a", value: null }), ["replaced", { before: [1] }])
    assert.deepEqual(await plugin.result("delete", { key: "a" }), ["deleted", { before: null }])
    assert.deepEqual(await plugin.result("delete", { key: "a" }), ["missing", {}])
  })

  it("counts each execution once, also when all run at the same time and each comes again", async () => {
    const run = (i: number) => plugin.result("increment", { key: "n" }, { execution: `ex_${i}.add` })
    const first = await Promise.all(Array.from({ length: 64 }, (_, i) => run(i)))
    const again = await Promise.all(Array.from({ length: 64 }, (_, i) => run(i)))
    assert.deepEqual(again, first)
    assert.deepEqual(await plugin.result("get", { key: "n" }), ["found", { value: 64 }])
  })

  it("knows its executions after a restart", async () => {
    await plugin.result("increment", { key: "n", by: 5 }, { execution: "ex_1.add" })
    await plugin.result("set", { key: "gone", value: 1 })
    await plugin.result("delete", { key: "gone" }, { execution: "ex_2.del" })
    await plugin.stop()
    plugin = await runPlugin("store", {}, plugin.bridge)
    assert.deepEqual(await plugin.result("increment", { key: "n", by: 5 }, { execution: "ex_1.add" }), [
      "incremented",
      { value: 5 },
    ])
    assert.deepEqual(await plugin.result("delete", { key: "gone" }, { execution: "ex_2.del" }), [
      "deleted",
      { before: 1 },
    ])
  })

  it("knows an execution that comes again after a thousand others, also over a restart", async () => {
    const run = (execution: string) => plugin.result("increment", { key: "n" }, { execution })
    const first = await run("ex_interrupted.add")
    for (let i = 0; i < 1000; i++) await run(`ex_${i}.add`)
    assert.deepEqual(await run("ex_interrupted.add"), first)
    await plugin.stop()
    plugin = await runPlugin("store", {}, plugin.bridge)
    assert.deepEqual(await run("ex_interrupted.add"), first)
    assert.deepEqual(await plugin.result("get", { key: "n" }), ["found", { value: 1001 }])
  })

  it("finishes a delete that a crash cut in two", async () => {
    await plugin.result("set", { key: "a", value: 1 })
    const { bridge } = plugin
    const storeSet = bridge.storeSet.bind(bridge)
    bridge.storeSet = async (key, value) => {
      if (value === undefined) throw new Error("the power is gone")
      await storeSet(key, value)
    }
    assert.deepEqual(await plugin.result("delete", { key: "a" }, { execution: "ex_1.del" }), ["SERVICE_THREW", "known"])
    bridge.storeSet = storeSet
    assert.deepEqual(await plugin.result("delete", { key: "a" }, { execution: "ex_1.del" }), ["deleted", { before: 1 }])
    assert.deepEqual(await plugin.result("get", { key: "a" }), ["missing", {}])
  })

  it("does not count what is no number", async () => {
    await plugin.result("set", { key: "a", value: "x" })
    assert.deepEqual(await plugin.result("increment", { key: "a" }), ["not-a-number", { value: "x" }])
  })

  it("keeps the last value that fits the agent's limit, with fewer answers beside it", async () => {
    for (let i = 0; i < 10; i++) await plugin.result("set", { key: "a", value: "x".repeat(20_000) + i })
    assert.deepEqual(await plugin.result("get", { key: "a" }), ["found", { value: `${"x".repeat(20_000)}9` }])
    assert.ok(JSON.stringify(plugin.bridge.stored.get("key/a")).length < 64 * 1024)
  })
})
