import assert from "node:assert/strict"
import fc from "fast-check"
import { correlationKey, correlationOf } from "../../../../agent/core/workflow/correlation.ts"
import { JsonataExpressions } from "../../../../agent/io/expressions/expressions.ts"
import type { Json } from "../../../../agent/schema/json.ts"

const cases: { where: string | null; is: readonly [data: string, trigger: string] | null }[] = [
  { where: "data.id = trigger.data.id", is: ["id", "id"] },
  { where: " data.a.b=trigger.data.c_1 ", is: ["a.b", "c_1"] },
  { where: "trigger.data.order.id = data.id", is: ["id", "order.id"] },
  { where: null, is: null },
  { where: "data.id = trigger.id", is: null },
  { where: "data.id != trigger.data.id", is: null },
  { where: "data.id = trigger.data.id and data.open", is: null },
  { where: "data.id = trigger.data.id or true", is: null },
  { where: "data.`a-b` = trigger.data.id", is: null },
  { where: "data.id = tasks.pay.data.id", is: null },
  { where: "data.id = 'x'", is: null },
  { where: "data.in = trigger.data.in", is: null },
  { where: "data.id[0] = trigger.data.id", is: null },
  { where: "$not(data.id = trigger.data.id)", is: null },
]

describe("a correlation", () => {
  for (const { where, is } of cases) {
    it(`${where} is ${is === null ? "none" : is.join(" and ")}`, () => {
      const found = correlationOf(where)
      assert.deepEqual(found === null ? null : [found.dataPath.join("."), found.triggerPath.join(".")], is)
    })
  }

  const keys: { data: Json; path: string; key: string | null }[] = [
    { data: { id: "x" }, path: "id", key: "string:x" },
    { data: { id: 1 }, path: "id", key: "number:1" },
    { data: { id: "1" }, path: "id", key: "string:1" },
    { data: { id: true }, path: "id", key: "boolean:true" },
    { data: { a: { b: 2 } }, path: "a.b", key: "number:2" },
    { data: {}, path: "id", key: "none" },
    { data: { id: { b: 1 } }, path: "id", key: null },
    { data: { id: [1] }, path: "id", key: null },
    { data: { a: [{ b: 1 }] }, path: "a.b", key: null },
    { data: 3, path: "id", key: "none" },
    { data: {}, path: "constructor", key: "none" },
  ]
  for (const { data, path, key } of keys) {
    it(`${path} of ${JSON.stringify(data)} is found by ${key}`, () => {
      assert.equal(correlationKey(data, path.split(".")), key)
    })
  }

  it("never hides a match that JSONata would see", async () => {
    const expressions = new JsonataExpressions()
    const value = fc.constantFrom<Json | undefined>(
      undefined,
      null,
      0,
      -0,
      1,
      "",
      "1",
      "x",
      true,
      false,
      [1],
      [],
      { k: 1 },
      {},
    )
    try {
      await fc.assert(
        fc.asyncProperty(value, value, async (left, right) => {
          const data: Json = left === undefined ? {} : { id: left }
          const triggerData: Json = right === undefined ? {} : { id: right }
          const scope = { data, trigger: { data: triggerData } }
          const said = await expressions.evaluate("data.id = trigger.data.id", scope, 0)
          const [a, b] = [correlationKey(data, ["id"]), correlationKey(triggerData, ["id"])]
          // Null asks JSONata itself; two different keys must never be equal to it.
          if (a !== null && b !== null && a !== b) assert.ok(!(said.ok && said.value === true), `${a} and ${b}`)
        }),
        { numRuns: 300 },
      )
    } finally {
      await expressions.stop()
    }
  })
})
