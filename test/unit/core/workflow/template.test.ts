import assert from "node:assert/strict"
import fc from "fast-check"
import {
  pointerToken,
  type TemplatePart,
  templateExpressions,
  templateParts,
} from "../../../../agent/core/workflow/template.ts"

const cases: { source: string; parts: readonly (string | { e: string })[] | null }[] = [
  { source: "", parts: [] },
  { source: "plain", parts: ["plain"] },
  { source: "{{ a.b }}", parts: [{ e: "a.b" }] },
  { source: "{{a}}", parts: [{ e: "a" }] },
  { source: "{{}}", parts: [{ e: "" }] },
  { source: "x {{ a }} y {{ b }}", parts: ["x ", { e: "a" }, " y ", { e: "b" }] },
  { source: "{{ a }}{{ b }}", parts: [{ e: "a" }, { e: "b" }] },
  { source: "{{ {'k': {'l': 1}} }}", parts: [{ e: "{'k': {'l': 1}}" }] },
  { source: "{{ '}}' & \"}}\" }}!", parts: [{ e: "'}}' & \"}}\"" }, "!"] },
  { source: "{{ 'it\\'s }}' }}", parts: [{ e: "'it\\'s }}'" }] },
  { source: "{{ data.`a}}b` }}", parts: [{ e: "data.`a}}b`" }] },
  { source: '{{ $match(a, /it"{2}/) }}', parts: [{ e: '$match(a, /it"{2}/)' }] },
  { source: "{{ $split(a, /[^']\\/x/) }}.", parts: [{ e: "$split(a, /[^']\\/x/)" }, "."] },
  { source: "{{ a / b / c }}'", parts: [{ e: "a / b / c" }, "'"] },
  { source: "{{ (a) / 2 & 'x' / `y` }}", parts: [{ e: "(a) / 2 & 'x' / `y`" }] },
  { source: "{{ /* it's }} */ a }}", parts: [{ e: "/* it's }} */ a" }] },
  { source: '{{ "a" & \'b"}}\' & "c\'}}" }}', parts: [{ e: '"a" & \'b"}}\' & "c\'}}"' }] },
  { source: "{{ `a\\` }}", parts: [{ e: "`a\\`" }] },
  { source: "} }} {", parts: ["} }} {"] },
  { source: "{ {{ a }} }", parts: ["{ ", { e: "a" }, " }"] },
  { source: "{{ a", parts: null },
  { source: "x {{ 'a }}", parts: null },
  { source: "{{ a }} {{ b }", parts: null },
  { source: "{{ { }}", parts: null },
  { source: "{{ /* a }}", parts: null },
  { source: "{{ $match(a, /b) }}", parts: null },
]

describe("templates", () => {
  for (const { source, parts } of cases) {
    it(`${JSON.stringify(source)} ${parts === null ? "is never closed" : `has ${parts.length} parts`}`, () => {
      const wanted = parts?.map(
        (part): TemplatePart => (typeof part === "string" ? { text: part } : { expression: part.e }),
      )
      assert.deepEqual(templateParts(source), wanted ?? null)
    })
  }

  it("come back together, whatever the text", () => {
    const piece = fc.oneof(fc.constantFrom("{{", "}}", "{", "}", "'", '"', "`", "\\", " a "), fc.string())
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const source = pieces.join("")
        const parts = templateParts(source)
        if (parts === null) return assert.ok(source.includes("{{"))
        let rest = source
        for (const part of parts) {
          const text = "text" in part ? part.text : part.expression
          const at = rest.indexOf(text)
          assert.ok(at >= 0, `${text} in ${rest}`)
          rest = rest.slice(at + text.length)
        }
        if (!source.includes("{{")) assert.deepEqual(parts, source === "" ? [] : [{ text: source }])
      }),
    )
  })

  it("are found in a whole document, each with its JSON pointer", () => {
    const document = { a: "{{ x }}", "b/c": ["no", { "~": "{{ y }} and {{ z }}" }, 3, null], d: "{{ open" }
    assert.deepEqual(templateExpressions(document), [
      { path: "/a", source: "x" },
      { path: "/b~1c/1/~0", source: "y" },
      { path: "/b~1c/1/~0", source: "z" },
      { path: "/d", source: null },
    ])
    assert.deepEqual(templateExpressions("{{ trigger.data }}"), [{ path: "", source: "trigger.data" }])
  })

  it("escape their pointers as RFC 6901 says", () => {
    assert.equal(pointerToken("~/~1"), "~0~1~01")
  })
})
