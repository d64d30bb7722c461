import assert from "node:assert/strict"
import { environmentValue, variableOf, withVariable } from "../../../../nodered-nodes/src/flow/environment.ts"
import { rawNodes } from "../../../../nodered-nodes/src/flow/raw.ts"
import { unfold } from "../../../../nodered-nodes/src/flow/scopes.ts"

const env = (...entries: [name: string, type: string, value: string][]) =>
  entries.map(([name, type, value]) => ({ name, type, value }))

const shelf = unfold(
  rawNodes([
    { id: "global", type: "global-config", env: env(["EVERYWHERE", "str", "global"], ["WHO", "str", "global"]) },
    {
      id: "tab",
      type: "tab",
      env: env(
        ["WHO", "str", "tab"],
        ["TIMES", "num", "3"],
        ["OTHER", "env", "TIMES"],
        ["LOOP", "env", "POOL"],
        ["POOL", "env", "LOOP"],
        ["HOME", "env", "HOME"],
        ["NOW", "jsonata", "$now()"],
        ["KEY", "cred", ""],
        ["TWICE", "str", "first"],
        ["TWICE", "str", "last"],
      ),
    },
    { id: "around", type: "group", z: "tab", env: env(["WHO", "str", "around"], ["FAR", "bool", "true"]) },
    { id: "group", type: "group", z: "tab", g: "around", env: env(["WHO", "str", "group"]) },
    { id: "plain", type: "x", z: "tab" },
    { id: "grouped", type: "x", z: "tab", g: "group" },
    {
      id: "sub",
      type: "subflow",
      env: env(["WHO", "str", "template"], ["OWN", "json", "{}"], ["AGENT", "mesg-agent", "a"]),
    },
    { id: "inside", type: "x", z: "sub" },
    {
      id: "use",
      type: "subflow:sub",
      z: "tab",
      g: "group",
      env: env(
        ["WHO", "env", "WHO"],
        ["NEAR", "env", "OWN"],
        ["UP", "env", "$parent.WHO"],
        ["AGENT", "mesg-agent", "b"],
      ),
    },
  ]),
)
const nodeOf = (id: string) => shelf.nodes.find(({ raw }) => raw["id"] === id)!

describe("a variable of a flow", () => {
  const cases: [node: string, name: string, value: string | null][] = [
    ["plain", "WHO", "tab"],
    ["plain", "EVERYWHERE", "global"],
    ["plain", "OTHER", "3"],
    ["plain", "TWICE", "last"],
    ["plain", "NOWHERE", null],
    ["plain", "LOOP", null],
    ["plain", "HOME", null],
    ["plain", "NOW", null],
    ["plain", "KEY", null],
    ["plain", "$parent.WHO", "global"],
    ["grouped", "WHO", "group"],
    ["grouped", "FAR", "true"],
    ["grouped", "$parent.WHO", "around"],
    ["inside", "WHO", "group"],
    ["inside", "NEAR", "{}"],
    ["inside", "UP", "group"],
    ["inside", "AGENT", "b"],
    ["inside", "TIMES", "3"],
  ]
  for (const [id, name, value] of cases) {
    it(`${name} of ${id} is ${value ?? "not for the flow to say"}`, () => {
      const { raw, scope } = nodeOf(id)
      assert.equal(variableOf(name, raw, scope, shelf)?.value ?? null, value)
    })
  }

  it("stands in the place of a property that is nothing but its name", () => {
    const { raw, scope } = nodeOf("plain")
    const texts = [
      ["${WHO}", "tab"],
      ["$(WHO)", "tab"],
      ["${NOWHERE}", "${NOWHERE}"],
      ["for ${WHO}", "for ${WHO}"],
      ["$", "$"],
    ] as const
    for (const [text, value] of texts) assert.equal(withVariable(text, raw, scope, shelf), value)
  })

  it("may stand in the text of an input, if the flow defines every one there", () => {
    const { raw, scope } = nodeOf("plain")
    assert.deepEqual(environmentValue("${TIMES}", raw, scope, shelf), { type: "num", value: "3" })
    assert.deepEqual(environmentValue("${WHO} x ${TIMES}", raw, scope, shelf), { type: "str", value: "tab x 3" })
    assert.equal(environmentValue("${WHO} x ${NOWHERE}", raw, scope, shelf), null)
  })
})
