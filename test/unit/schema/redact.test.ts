import assert from "node:assert/strict"
import * as v from "valibot"
import type { Json } from "../../../agent/schema/json.ts"
import { FormsSchema, inAllForms, RedactSchema, redacted } from "../../../agent/schema/redact.ts"

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

  const forms = ["/payload", "/text", "/json"]
  const inForms: { name: string; paths: string[]; forms?: string[]; all: string[] }[] = [
    { name: "a part of one hides the others whole", paths: ["/json/card"], all: ["/json/card", "/payload", "/text"] },
    { name: "one of them hides the others", paths: ["/text"], all: ["/text", "/payload", "/json"] },
    { name: "parts of two hide all", paths: ["/json/a", "/text"], all: ["/json/a", "/text", "/payload", "/json"] },
    { name: "any member may be one of them", paths: ["/*/card"], all: ["/*/card", ...forms] },
    { name: "what holds one of them hides the others", paths: ["/in"], forms: ["/in/a", "/b"], all: ["/in", "/b"] },
    { name: "what is beside them hides none", paths: ["/topic", "/jso", "/jsons"], all: ["/topic", "/jso", "/jsons"] },
    { name: "nothing hides nothing", paths: [], all: [] },
  ]
  for (const { name, paths, forms: own = forms, all } of inForms) {
    it(`of what is there in several forms: ${name}`, () => assert.deepEqual(inAllForms(paths, own), all))
  }

  it("has at least two forms", () => {
    assert.deepEqual(
      [["/a"], ["/a", "/b"]].map((paths) => v.is(FormsSchema, paths)),
      [false, true],
    )
  })

  it("are hidden alone where there is one form only", () => assert.deepEqual(inAllForms(["/a/b"]), ["/a/b"]))

  for (const path of ["", "a", "a/b", "/a~2", "#/a", "$.a"]) {
    it(`${JSON.stringify(path)} is no path`, () => assert.equal(v.safeParse(RedactSchema, [path]).success, false))
  }
})
