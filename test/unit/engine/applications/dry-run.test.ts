import assert from "node:assert/strict"
import { isMesgError } from "../../../../agent/base/errors.ts"
import type { DryRunRequest } from "../../../../agent/engine/core.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import type { JsonObject } from "../../../../agent/schema/json.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"

const BANK: ManifestInput = {
  id: "bank",
  name: "Bank",
  version: "1.0.0",
  events: {
    charged: {
      data: {
        type: "object",
        properties: { kwh: { type: "number", minimum: 3 }, car: { type: "string" } },
        required: ["kwh"],
      },
    },
    unplugged: { data: {} },
  },
  tasks: {
    pay: {
      inputs: { type: "object", properties: { amount: { type: "number" } }, required: ["amount"] },
      statuses: { sent: { data: { type: "object", required: ["hash"] } }, rejected: { data: {} } },
      verify: "check",
      examples: [{ inputs: { amount: 1 }, status: "sent", data: { hash: "0x1" } }],
    },
    tell: { statuses: { told: { data: { type: "object", properties: { at: { const: "noon" } } } } }, effect: "pure" },
  },
}
const application = {
  name: "shop",
  config: { key: { type: "string", secret: true }, rate: { type: "number", default: 2 } },
  workflows: {
    w: {
      trigger: { service: "bank", event: "charged", where: "data.kwh > 2" },
      tasks: {
        pay: { run: "bank.pay", with: { amount: "{{ trigger.data.kwh * config.rate }}", key: "{{ config.key }}" } },
        tell: { run: "bank.tell", after: "pay.sent", with: { hash: "{{ tasks.pay.data.hash }}" } },
        sorry: { run: "bank.tell", after: "pay.rejected" },
        last: { run: "bank.tell", after: "tell.told", wait: { service: "bank", event: "unplugged" } },
      },
    },
  },
}

describe("a dry run", () => {
  let test: TestEngine
  let ran: number
  beforeEach(async () => {
    ran = 0
    test = await testEngine([
      {
        manifest: BANK,
        execute: () => {
          ran++
          return { kind: "result", status: "sent", data: {} }
        },
      },
    ])
  })
  afterEach(async () => {
    assert.equal(ran, 0, "no task runs")
    assert.deepEqual(test.engine.executions.list({}).items, [])
    assert.deepEqual(test.engine.applications.list({}).items, [])
    await test.stop()
  })
  const dry = (what: Partial<DryRunRequest> = {}, document: unknown = application) => {
    const config: JsonObject = { key: "canary-key" }
    return test.engine.applications.dryRun(document, { config, workflow: null, data: undefined, outcomes: {}, ...what })
  }

  it("takes tasks to end as their examples, else in their first status, and leaves awaited events out", async () => {
    const { ok, run } = await dry({ data: { kwh: 10 } })
    assert.ok(ok)
    assert.equal(run?.status, "waiting")
    const { pay, tell, sorry, last } = run.tasks
    assert.deepEqual([pay?.status, pay?.assumed, pay?.data], ["sent", "example", { hash: "0x1" }])
    assert.equal((pay?.inputs as JsonObject | undefined)?.["amount"], 20)
    assert.deepEqual(
      [tell?.status, tell?.assumed, tell?.inputs, tell?.data],
      ["told", "schema", { hash: "0x1" }, { at: "noon" }],
    )
    assert.deepEqual([sorry?.state, sorry?.assumed, sorry?.inputs], ["idle", null, null])
    assert.deepEqual(last?.waits, { service: "bank", event: "unplugged" })
    assert.deepEqual(
      run.branches.map(({ path, status }) => [path.join(), status]),
      [
        ["pay,tell,last", "waiting"],
        ["pay,sorry", "not-taken"],
      ],
    )
    assert.ok(!JSON.stringify(run).includes("canary-key"))
  })

  it("follows the outcomes that it is given, built-in ones too", async () => {
    const rejected = await dry({ outcomes: { pay: { status: "rejected", data: {} } } })
    assert.deepEqual([rejected.run?.status, rejected.run?.tasks["sorry"]?.status], ["completed", "told"])
    const failed = await dry({ outcomes: { pay: { status: "error" } } })
    assert.deepEqual([failed.run?.status, failed.run?.tasks["pay"]?.state], ["failed", "failed"])
    assert.deepEqual(failed.run?.tasks["pay"]?.data, { code: "ASSUMED", message: "it is taken to end in error" })
  })

  it("makes the event up from its schema where no data is given", async () => {
    const { run } = await dry()
    assert.deepEqual(run?.trigger, { service: "bank", event: "charged", data: { kwh: 3, car: "text" }, passes: true })
  })

  it("says that a `where` keeps the event out", async () => {
    const where = { ...application.workflows.w.trigger, where: "data.car = 'none'" }
    const { run } = await dry({}, { ...application, workflows: { w: { ...application.workflows.w, trigger: where } } })
    assert.deepEqual([run?.trigger.passes, run?.status, run?.tasks], [false, null, {}])
  })

  it("shows inputs that would break their schema as the error they would be", async () => {
    const document = structuredClone(application)
    document.workflows.w.tasks.pay.with.amount = "{{ trigger.data.car }}"
    const { run } = await dry({}, document)
    const pay = run?.tasks["pay"]
    assert.deepEqual(
      [pay?.status, pay?.assumed, (pay?.data as JsonObject | undefined)?.["code"]],
      ["error", null, "INPUTS_INVALID"],
    )
  })

  it("tells the rules that an application breaks, and runs nothing then", async () => {
    const { ok, refusals, run } = await dry({}, { ...application, workflows: {} })
    assert.deepEqual([ok, run], [false, null])
    assert.ok(refusals.length > 0)
  })

  const refused: [name: string, what: Partial<DryRunRequest>, code: string][] = [
    ["data that breaks the event's schema", { data: { kwh: "much" } }, "EVENT_DATA_INVALID"],
    ["a workflow that is not there", { workflow: "x" }, "WORKFLOW_NOT_FOUND"],
    ["settings that are missing", { config: {} }, "APPLICATION_CONFIG_INVALID"],
    ["an outcome of no task", { outcomes: { x: { status: "sent" } } }, "OUTCOME_INVALID"],
    ["an outcome that is no status", { outcomes: { pay: { status: "paid" } } }, "OUTCOME_INVALID"],
    [
      "an outcome with data that breaks its schema",
      { outcomes: { pay: { status: "sent", data: {} } } },
      "OUTCOME_INVALID",
    ],
  ]
  for (const [name, what, code] of refused) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(dry(what), (error) => isMesgError(error) && error.code === code)
    })
  }
})
