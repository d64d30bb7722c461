import assert from "node:assert/strict"
import { defaultOf, fieldOf, misfitOf, type Schema } from "../../../../nodered-nodes/src/editor/field.ts"
import type { TypedValue } from "../../../../nodered-nodes/src/flow/nodes.ts"

const typed = (type: TypedValue["type"], value: string): TypedValue => ({ type, value })

describe("the field of a form", () => {
  const kinds: readonly { name: string; schema: Schema; given?: TypedValue; kinds: string; choices?: string }[] = [
    { name: "a text", schema: { type: "string" }, kinds: "str" },
    { name: "a number, or a text with expressions", schema: { type: "number" }, kinds: "num str" },
    { name: "a whole number", schema: { type: "integer" }, kinds: "num str" },
    { name: "an object or a list as JSON", schema: { type: "object" }, kinds: "json str" },
    { name: "nothing in particular in every kind", schema: {}, kinds: "str num bool json" },
    { name: "one of several types, in their order", schema: { type: ["integer", "null"] }, kinds: "num json str" },
    { name: "true, false or nothing", schema: { type: "boolean" }, kinds: "bool str", choices: "|true|false" },
    { name: "choices of texts", schema: { enum: ["a", "b"] }, kinds: "str", choices: "|a|b" },
    { name: "choices of numbers", schema: { type: "integer", enum: [1, 2] }, kinds: "num", choices: "|1|2" },
    {
      name: "choices of several kinds, as JSON",
      schema: { enum: ["a", 1, null] },
      kinds: "json",
      choices: '|"a"|1|null',
    },
    { name: "the one that there is", schema: { const: "a" }, kinds: "str", choices: "|a" },
    {
      name: "what it is already, in its kind",
      schema: { type: "string" },
      given: typed("json", "[]"),
      kinds: "str json",
    },
    {
      name: "what it is already among the choices",
      schema: { enum: ["a"] },
      given: typed("str", "{{ config.x }}"),
      kinds: "str",
      choices: "|a|{{ config.x }}",
    },
    { name: "its own kinds beside a source", schema: { type: "number" }, given: typed("env", "N"), kinds: "num str" },
  ]
  for (const { name, schema, given, kinds: expected, choices } of kinds) {
    it(`offers ${name}`, () => {
      const field = fieldOf(schema, given ?? null, false)
      assert.deepEqual([field.kinds.join(" "), field.choices?.join("|")], [expected, choices])
    })
  }

  it("offers no way to leave out what is required", () => {
    assert.deepEqual(fieldOf({ type: "boolean" }, null, true).choices, ["true", "false"])
  })

  it("has the default in its kind", () => {
    const defaults: readonly (readonly [unknown, TypedValue | null])[] = [
      ["x", typed("str", "x")],
      [3, typed("num", "3")],
      [false, typed("bool", "false")],
      [[1], typed("json", "[1]")],
      [null, typed("json", "null")],
      [undefined, null],
    ]
    for (const [value, expected] of defaults) assert.deepEqual(defaultOf({ default: value }), expected)
  })
})

describe("a value that is written into a form", () => {
  const bounded: Schema = { type: "integer", minimum: 1, maximum: 10 }
  const cases: readonly { schema: Schema; value: TypedValue; is: string | null }[] = [
    { schema: bounded, value: typed("num", "3"), is: null },
    { schema: bounded, value: typed("num", "0"), is: "minimum 1" },
    { schema: bounded, value: typed("num", "11"), is: "maximum 10" },
    { schema: bounded, value: typed("num", "1.5"), is: "integer " },
    { schema: bounded, value: typed("num", "three"), is: "number " },
    { schema: bounded, value: typed("num", "${LIMIT}"), is: null },
    { schema: bounded, value: typed("str", "{{ trigger.data.n }}"), is: null },
    { schema: bounded, value: typed("msg", "payload"), is: null },
    { schema: { type: "boolean" }, value: typed("bool", "yes"), is: "boolean " },
    { schema: { type: "object" }, value: typed("json", "{"), is: "json " },
    { schema: { type: "object" }, value: typed("json", '{"a": "{{ b }}"}'), is: null },
    { schema: { enum: ["a", "b"] }, value: typed("str", "c"), is: "choice a, b" },
    { schema: { enum: ["a", "b"] }, value: typed("str", "{{ c }}"), is: null },
    { schema: { enum: ["a", 1] }, value: typed("json", "1"), is: null },
  ]
  for (const { schema, value, is } of cases) {
    it(`${value.type} ${value.value} ${is === null ? "fits" : "does not fit"} ${JSON.stringify(schema)}`, () => {
      const misfit = misfitOf(schema, value)
      assert.equal(misfit === null ? null : `${misfit.key} ${misfit.limit}`, is)
    })
  }
})
