import assert from "node:assert/strict"
import { resolveConfig } from "../../../../agent/engine/applications/config.ts"
import { ApplicationError } from "../../../../agent/engine/applications/error.ts"
import type { Application } from "../../../../agent/schema/application.ts"
import type { JsonObject } from "../../../../agent/schema/json.ts"

const application = {
  name: "app",
  visibility: "private",
  config: {
    supplier: { default: "acme" },
    limit: { type: "number", minimum: 1 },
    key: { type: "string", secret: true },
    rates: { type: "object", required: ["day"], default: { day: 1 } },
  },
  workflows: {},
} as unknown as Application

const GIVEN = { limit: 3, key: "k" }

describe("the settings of a deployment", () => {
  it("are what was given, else the defaults", () => {
    assert.deepEqual(resolveConfig(application, GIVEN), { supplier: "acme", limit: 3, key: "k", rates: { day: 1 } })
  })

  const cases: { name: string; given: JsonObject; issues: [path: string, message: RegExp][] }[] = [
    { name: "of a wrong type", given: { ...GIVEN, limit: "3" }, issues: [["/limit", /"limit" must be number/]] },
    { name: "that are empty", given: { ...GIVEN, limit: null }, issues: [["/limit", /must be number/]] },
    { name: "wrong inside", given: { ...GIVEN, rates: {} }, issues: [["/rates", /required property 'day'/]] },
    { name: "unknown", given: { ...GIVEN, suplier: "x" }, issues: [["/suplier", /did you mean "supplier"/]] },
    { name: "of JavaScript", given: { ...GIVEN, toString: "x" }, issues: [["/toString", /no setting "toString"/]] },
    {
      name: "wrong in every way, all at once",
      given: { "a/b": 1, key: 3 },
      issues: [
        ["/a~1b", /no setting "a\/b"/],
        ["/limit", /"limit" is missing/],
        ["/key", /"key" must be string/],
      ],
    },
  ]
  for (const { name, given, issues } of cases) {
    it(`are refused where there are some ${name}`, () => {
      assert.throws(
        () => resolveConfig(application, given),
        (error) => {
          assert.ok(error instanceof ApplicationError && error.detail.code === "APPLICATION_CONFIG_INVALID")
          const found = error.detail.issues
          assert.deepEqual(
            found.map(({ path }) => path),
            issues.map(([path]) => path),
          )
          found.forEach(({ message }, i) => assert.match(message, issues[i]![1]))
          return true
        },
      )
    })
  }

  it("never show a value that may be secret", () => {
    const given = { limit: 0, key: { text: "hunter2" }, supplier: "hunter2" }
    assert.throws(
      () => resolveConfig(application, given),
      (error) => !JSON.stringify([(error as Error).message, (error as ApplicationError).detail]).includes("hunter2"),
    )
  })
})
