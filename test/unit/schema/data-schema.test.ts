import assert from "node:assert/strict"
import {
  EVENT_DATA_BYTES_MAX,
  CHECK_TIME_MS_MAX,
  CHECK_TRIES_MAX,
  SCHEMAS_PER_COMPILER_MAX,
} from "../../../agent/base/limits.ts"
import { compileDataSchema, type DataCheck } from "../../../agent/schema/data-schema.ts"
import type { JsonObject } from "../../../agent/schema/json.ts"

function checkOf(pattern: string): DataCheck {
  const compiled = compileDataSchema({ type: "string", pattern })
  assert.ok(compiled.ok)
  return compiled.check
}

describe("a pattern of a schema", () => {
  const as = "a".repeat(40)
  const many = EVENT_DATA_BYTES_MAX
  const endless: { pattern: string; text: string }[] = [
    { pattern: "^(a+)+$", text: `${as}!` },
    { pattern: "^x|(a+)+$", text: `${as}!` },
    { pattern: "^a*a*a*a*a*b", text: "a".repeat(5000) },
    { pattern: "a+b", text: "a".repeat(many) },
    { pattern: "^(?=(a+)+$)", text: `${as}!` },
    { pattern: "^(a+)\\1+\\1+\\1+b", text: "a".repeat(5000) },
  ]
  for (const { pattern, text } of endless) {
    it(`${pattern} is ended, and after some times it is not tried any more`, () => {
      const check = checkOf(pattern)
      const message = `cannot be checked: the pattern ${pattern} takes more than ${CHECK_TIME_MS_MAX} ms`
      for (let i = 0; i < CHECK_TRIES_MAX; i++) assert.deepEqual(check(text), [{ path: "", message }])
      const began = performance.now()
      for (let i = 0; i < 1000; i++) assert.deepEqual(check("a"), [{ path: "", message }])
      const tookMs = performance.now() - began
      assert.ok(tookMs < 100 * CHECK_TIME_MS_MAX, `${Math.round(tookMs)} ms`)
    })
  }

  it("that was late once is judged as before", () => {
    const check = checkOf("^(a+){1,99}$")
    assert.match(check(`${as}!`)[0]!.message, /takes more than/)
    assert.match(check("b")[0]!.message, /must match/)
    assert.match(check(`${as}!`)[0]!.message, /takes more than/)
    assert.deepEqual(check(as), [])
  })

  const judged: { pattern: string; fits: string[]; not: string[] }[] = [
    { pattern: "^[a-z][a-z0-9-]{0,62}$", fits: ["a", "a-1"], not: ["", "A", "-a"] },
    { pattern: "^(mqtts?|wss?)://", fits: ["mqtt://x", "wss://"], not: ["http://x", "xmqtt://"] },
    { pattern: "^\\d{1,3}(\\.\\d{1,3}){3}$", fits: ["10.0.0.1"], not: ["10.0.0", "a.b.c.d"] },
    { pattern: "b|c+$", fits: ["abc", "xxc"], not: ["a"] },
    { pattern: "^\\p{Lu}.+[)\\]]$", fits: ["Ä1)", "A1]"], not: ["ä1)", "Ä)"] },
    { pattern: "[|(*]", fits: ["|", "("], not: ["x"] },
  ]
  for (const { pattern, fits, not } of judged) {
    it(`${pattern} is judged as it is`, () => {
      const check = checkOf(pattern)
      for (const text of fits) assert.deepEqual(check(text), [], text)
      for (const text of not) assert.equal(check(text).length, 1, text)
    })
  }

  it("that has nothing to go back over costs no more than itself, over the largest text too", () => {
    const check = checkOf("^[a-z]+$")
    const text = `${"a".repeat(many)}!`
    const began = performance.now()
    for (let i = 0; i < 20; i++) assert.equal(check(text).length, 1)
    assert.ok(performance.now() - began < 10_000)
  })

  it("leaves nothing behind for ever: what was compiled long ago is judged by its own compiler", () => {
    const first = checkOf("^1$")
    for (let i = 0; i < SCHEMAS_PER_COMPILER_MAX; i++) checkOf(`^a${i}$`)
    const last = checkOf("^1$")
    assert.deepEqual([first("1"), last("1"), first("2").length, last("2").length], [[], [], 1, 1])
  })

  it("is bounded for the names of members, too", () => {
    const compiled = compileDataSchema({ type: "object", patternProperties: { "^(a+)+$": { type: "string" } } })
    assert.ok(compiled.ok)
    assert.match(compiled.check({ [`${as}!`]: 1 })[0]!.message, /takes more than/)
  })
})

describe("a schema that could take for ever", () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => {
      const next = { $ref: `#/$defs/a${i + 1}` }
      return [`a${i}`, i === 59 ? {} : { allOf: [next, next] }]
    }),
  )
  const cases: { name: string; schema: JsonObject; data: () => unknown; says: RegExp }[] = [
    {
      name: "by references that double",
      schema: { $defs: doubling, $ref: "#/$defs/a0" },
      data: () => 1,
      says: /its schema takes more than/,
    },
    {
      name: "by comparing each with each",
      schema: { type: "array", uniqueItems: true },
      data: () => Array.from({ length: 80_000 }, (_, i) => [i]),
      says: /its schema takes more than/,
    },
    {
      name: "by leading back to itself",
      schema: { $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" },
      data: () => 1,
      says: /its schema has no end/,
    },
  ]
  for (const { name, schema, data, says } of cases) {
    it(`${name} is ended`, () => {
      const compiled = compileDataSchema(schema)
      assert.ok(compiled.ok)
      assert.match(compiled.check(data())[0]!.message, says)
    })
  }

  it("is judged as it is where it does not", () => {
    const compiled = compileDataSchema({ type: "array", uniqueItems: true })
    assert.ok(compiled.ok)
    assert.deepEqual([compiled.check([1, 2]), compiled.check([1, 1]).length], [[], 1])
  })
})
