import assert from "node:assert/strict"
import fc from "fast-check"
import jsonata from "jsonata"
import { compileFastPath, UNDECIDED } from "../../../../agent/io/expressions/fast-path.ts"
import { parse } from "../../../../agent/io/expressions/syntax.ts"
import type { ExpressionScope } from "../../../../agent/ports/expressions.ts"
import type { Json } from "../../../../agent/schema/json.ts"
import { scaled } from "../../../support/scale.ts"

// Few names, so that paths meet the data.
const names = fc.constantFrom("a", "b", "c", "_jsonata_lambda", "__proto__", "length")
const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, 1, -1, 2, 0.1, 1e21, 1e-7, 1234567.1234567, "", "a", "b", "1"),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ maxLength: 3, unit: "grapheme" }),
)
const { json } = fc.letrec<{ json: Json; object: Json }>((tie) => ({
  json: fc.oneof({ depthSize: "small" }, scalar, tie("object"), fc.array(tie("json"), { maxLength: 3 })),
  object: fc.dictionary(names, tie("json"), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<Json>,
}))
const scopes = fc.record({ data: json, trigger: json }, { requiredKeys: [] }) as fc.Arbitrary<ExpressionScope>

const literals = fc.oneof(
  fc.constantFrom("null", "true", "false", "0", "1", "2.5", "-3", "1e20", "0.000001", '""', '"a"', '"b"', "'1'"),
  fc.nat().map(String),
)
const paths = fc
  .tuple(fc.constantFrom("data", "trigger"), fc.array(names, { maxLength: 3 }))
  .map((parts) => parts.flat().join("."))
const operators = fc.constantFrom("=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "and", "or")
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    paths,
    literals,
    fc.tuple(tie("expression"), operators, tie("expression")).map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    fc.tuple(tie("expression"), operators, tie("expression")).map(([a, operator, b]) => `${a} ${operator} ${b}`),
    tie("expression").map((a) => `-(${a})`),
    tie("expression").map((a) => `$not(${a})`),
    fc.tuple(tie("expression"), tie("expression"), tie("expression")).map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `((${a}) ? ${b})`),
  ),
}))

type Said = { value: string | undefined } | { error: true }

async function jsonataSays(source: string, scope: ExpressionScope): Promise<Said> {
  try {
    return { value: JSON.stringify(await jsonata(source).evaluate(scope)) }
  } catch {
    return { error: true }
  }
}

describe("the fast path", () => {
  const runs = scaled(4000, 200_000)

  it("says what JSONata says, or nothing", async () => {
    let decided = 0
    let compiled = 0
    await fc.assert(
      fc.asyncProperty(expression, scopes, async (source, scope) => {
        const parsed = parse(source)
        fc.pre(parsed.ok)
        const fast = parsed.ok ? compileFastPath(parsed.root) : null
        if (fast === null) return
        compiled++
        const value = fast(scope)
        if (value === UNDECIDED) return
        decided++
        assert.deepEqual({ value: JSON.stringify(value) }, await jsonataSays(source, scope))
      }),
      { numRuns: runs },
    )
    assert.ok(compiled > runs / 2, `${compiled} of ${runs} were compiled`)
    assert.ok(decided > runs / 8, `${decided} of ${runs} were decided`)
  }).timeout(scaled(30_000, 900_000))
})
