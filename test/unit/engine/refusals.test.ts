import assert from "node:assert/strict"
import { SERVICE_STORE_KEYS_MAX } from "../../../agent/base/limits.ts"
import type { TaskExecutionId } from "../../../agent/base/ids.ts"
import { RemoteService } from "../../../agent/engine/services/remote.ts"
import type { TaskAnswer } from "../../../agent/ports/service-host.ts"
import type { ManifestInput } from "../../../agent/schema/manifest.ts"
import { TABLE } from "../../../agent/schema/tables.ts"
import { testEngine, type TestEngine } from "../../support/engine.ts"
import { FakeBroker } from "../../support/fake-broker.ts"
import { MemoryStore } from "../../support/memory-store.ts"
import { WORK, workApplication } from "../../support/work-service.ts"

const WORKS = "work" as never
const APP = "app" as never
const OTHER: ManifestInput = { id: "other", name: "Other", version: "1.0.0", isolation: "in-process" }
const PUMP: ManifestInput = { id: "pump", name: "Pump", version: "1.0.0", tasks: WORK.tasks! }

const register = (test: TestEngine) => test.broker.say("mesg/v1/pump/manifest", PUMP, { retain: true })

/** What people and programs ask for, and the engine refuses. */
const requests: readonly { code: string; when: string; ask: (test: TestEngine) => Promise<unknown> }[] = [
  {
    code: "APPLICATION_CONFIG_INVALID",
    when: "a setting is given that the application has not",
    ask: (test) => test.engine.applications.deploy(workApplication("app"), { colour: "red" }),
  },
  {
    code: "WORKFLOW_NOT_FOUND",
    when: "a workflow is started that the application has not",
    async ask(test) {
      await test.engine.applications.deploy(workApplication("app"), {})
      await test.engine.applications.run(APP, "another", {})
    },
  },
  {
    code: "SERVICE_BUILT_IN",
    when: "a service that ships with the agent is to be removed",
    ask: (test) => test.engine.services.remove(WORKS),
  },
  {
    code: "SERVICE_BUILT_IN",
    when: "a service is added under its id",
    ask: (test) => test.engine.services.add("work", { trust: false }),
  },
  {
    code: "SERVICE_ID_TAKEN",
    when: "a service is added under the id of one behind MQTT",
    async ask(test) {
      await register(test)
      await test.engine.services.add("pump", { trust: false })
    },
  },
  {
    code: "SERVICE_REMOTE",
    when: "settings are given to a service behind MQTT",
    async ask(test) {
      await register(test)
      await test.engine.services.configure("pump" as never, { n: 1 })
    },
  },
  {
    code: "SERVICE_TASK_NOT_FOUND",
    when: "a task is called that the service has not",
    ask: (test) => test.engine.services.call(WORKS, "rest", {}, 0, new AbortController().signal),
  },
  {
    code: "SERVICE_STORE_FULL",
    when: "a service keeps one value more than it may",
    async ask(test) {
      const rows = Array.from({ length: SERVICE_STORE_KEYS_MAX }, (_, i) => {
        return { put: TABLE.serviceStore, key: ["work", `k${i}`], value: i }
      })
      await test.store.write(rows)
      await test.bridge("work").storeSet("k0", "one that is there may change")
      await test.bridge("work").storeSet("more", 1)
    },
  },
  {
    code: "WEBHOOK_TAKEN",
    when: "two services want the same webhook",
    async ask(test) {
      const answer = async () => ({ status: 200 })
      test.bridge("work").webhook("/bell/", answer)
      test.bridge("other").webhook("bell", answer)
    },
  },
]

describe("the engine refuses", () => {
  for (const { code, when, ask } of requests) {
    it(`with ${code} where ${when}`, async () => {
      const test = await testEngine([{ manifest: WORK }, { manifest: OTHER }], { addable: [{ manifest: PUMP }] })
      await assert.rejects(ask(test), { code })
      await test.stop()
    })
  }

  it("with EXECUTION_VERSION_GONE where an execution's definition is kept no longer", async () => {
    const store = new MemoryStore()
    const first = await testEngine([{ manifest: WORK }], { store })
    await first.engine.applications.deploy(workApplication("app"), {})
    const { executions } = await first.engine.events.accept({ service: "work", event: "go", data: {} })
    await first.settle()
    await first.stop()
    await store.write([{ remove: TABLE.applicationVersion, key: ["app", 1] }])
    await store.write([{ remove: TABLE.application, key: ["app"] }])
    const second = await testEngine([{ manifest: WORK }], { store })
    assert.throws(() => second.engine.executions.show(executions[0]!), { code: "EXECUTION_VERSION_GONE" })
    await assert.rejects(second.engine.executions.retry(executions[0]!), { code: "EXECUTION_VERSION_GONE" })
    await second.stop()
  })
})

/** What a task's end may be besides its own statuses. */
const ends: readonly { code: string; when: string; execute: () => TaskAnswer | Promise<TaskAnswer> }[] = [
  {
    code: "SERVICE_FAILED",
    when: "the service breaks instead of answering",
    execute: () => Promise.reject(new Error("broken pipe")),
  },
  {
    code: "SERVICE_FAILED",
    when: "the service throws instead of answering, before it has promised anything",
    execute: () => {
      throw new Error("broken pipe")
    },
  },
  {
    code: "STATUS_UNDECLARED",
    when: "the status is none of the manifest's",
    execute: () => ({ kind: "result", status: "splendid", data: {} }),
  },
  {
    code: "RESULT_INVALID",
    when: "the data breaks the schema of its status",
    execute: () => ({ kind: "result", status: "ok", data: "no object" }),
  },
]

describe("a task ends in error", () => {
  const errorOf = async (test: TestEngine) => {
    await test.settle()
    const [execution] = test.engine.executions.list({}).items
    const { status, data } = execution!.tasks["a"]!
    return { status, code: (data as { code: string }).code }
  }

  for (const { code, when, execute } of ends) {
    it(`with ${code} where ${when}`, async () => {
      const test = await testEngine([{ manifest: WORK, execute }])
      await test.engine.applications.deploy(workApplication("app"), {})
      await test.engine.events.accept({ service: "work", event: "go", data: {} })
      assert.deepEqual(await errorOf(test), { status: "error", code })
      assert.deepEqual([test.engine.load(), test.broken], [{ queued: 0, running: 0 }, []])
      await test.stop()
    })
  }

  it("with SERVICE_NOT_RUNNING where its service is gone", async () => {
    const test = await testEngine([{ manifest: WORK }])
    await register(test)
    await test.engine.applications.deploy(workApplication("app", { a: { run: "pump.do" } }), {})
    await test.broker.say("mesg/v1/pump/manifest", "", { retain: true })
    await test.engine.events.accept({ service: "work", event: "go", data: {} })
    assert.deepEqual(await errorOf(test), { status: "error", code: "SERVICE_NOT_RUNNING" })
    await test.stop()
  })

  it("with NO_ANSWER where a service behind MQTT was asked in vain", async () => {
    const keys = {
      nodeKey: "ab".repeat(32),
      sign: () => new Uint8Array(64),
      seal: (plain: Uint8Array) => plain,
      open: (sealed: Uint8Array) => sealed,
    }
    const broker = new FakeBroker()
    const pump = new RemoteService("pump", broker, keys as never)
    const call = { execution: "ex_1.a" as TaskExecutionId, task: "do", inputs: {}, deadlineMs: 0 }
    const answer = await pump.execute(call, { signal: AbortSignal.abort() })
    assert.equal(answer.kind === "error" && answer.code, "NO_ANSWER")
    assert.deepEqual(
      broker.published.map(({ topic }) => topic),
      ["mesg/v1/pump/task/do"],
      "it was asked",
    )
  })
})
