import assert from "node:assert/strict"
import * as v from "valibot"
import type { Json } from "../../../agent/schema/json.ts"
import { RedactSchema, redacted } from "../../../agent/schema/redact.ts"

const R = "(redacted)"

describe("fields that are kept but not shown", () => {
  const cases: { paths: string[]; data: Json; shown: Json }[] = [
    { paths: ["/a"], data: { a: 1, b: 2 }, shown: { a: R, b: 2 } },
    { paths: ["/a/b"], data: { a: { b: { c: 1 }, d: 2 } }, shown: { a: { b: R, d: 2 } } },
    {
      paths: ["/rows/*/iban"],
      data: { rows: [{ iban: "x", n: 1 }, { n: 2 }] },
      shown: { rows: [{ iban: R, n: 1 }, { n: 2 }] },
    },
    { paths: ["/rows/1"], data: { rows: [1, 2, 3] }, shown: { rows: [1, R, 3] } },
    { paths: ["/*/pin"], data: { a: { pin: 1 }, b: { pin: 2 }, c: 3 }, shown: { a: { pin: R }, b: { pin: R }, c: 3 } },
    { paths: ["/a~1b/~0c"], data: { "a/b": { "~c": 1 } }, shown: { "a/b": { "~c": R } } },
    { paths: ["/nowhere/at/all"], data: { a: [1] }, shown: { a: [1] } },
    { paths: ["/a", "/a/b", "/c"], data: { a: { b: 1 }, c: null }, shown: { a: R, c: R } },
    {
      paths: ["/__proto__"],
      data: JSON.parse('{"__proto__":{"x":1}}') as Json,
      shown: JSON.parse(`{"__proto__":"${R}"}`) as Json,
    },
    { paths: [], data: { a: 1 }, shown: { a: 1 } },
    { paths: ["/a"], data: "a", shown: "a" },
  ]
  for (const { paths, data, shown } of cases) {
    it(`${JSON.stringify(data)} without ${paths.join(" ") || "anything"}`, () => {
      const before = JSON.stringify(data)
      assert.deepEqual(redacted(data, paths), shown)
      assert.equal(JSON.stringify(data), before)
    })
  }

  for (const path of ["", "a", "a/b", "/a~2", "#/a", "$.a"]) {
    it(`${JSON.stringify(path)} is no path`, () => assert.equal(v.safeParse(RedactSchema, [path]).success, false))
  }
})
