import assert from "node:assert/strict"
import fc from "fast-check"
import { compileFlow } from "../../../../nodered-nodes/src/flow/compile.ts"
import { calledFirst } from "../../../../nodered-nodes/src/flow/call-order.ts"
import { FLOW_CATALOGUE, readFlow } from "../../../support/flows.ts"
import { scaled } from "../../../support/scale.ts"

/** @param calls names of what it calls */
function calling(name: string, calls: readonly string[], agent = "here") {
  const tasks = Object.fromEntries(calls.map((called, i) => [`t${i}`, { run: `app:${called}` }]))
  const trigger = { service: "charger", event: "finished" }
  return { name, agent, document: { workflows: { w: { trigger, tasks: { ...tasks, own: { run: "log.write" } } } } } }
}

const order = (...applications: readonly ReturnType<typeof calling>[]) =>
  calledFirst(applications).map(({ agent, name }) => (agent === "here" ? name : `${agent} ${name}`))

describe("the order in which applications are deployed", () => {
  const cases = [
    { name: "stays where none calls another", of: [calling("b", []), calling("a", ["elsewhere"])], is: ["b", "a"] },
    { name: "puts what is called first", of: [calling("a", ["b"]), calling("b", [])], is: ["b", "a"] },
    {
      name: "follows calls of calls, each application once",
      of: [calling("a", ["b", "c"]), calling("b", ["c"]), calling("c", ["d"]), calling("d", [])],
      is: ["d", "c", "b", "a"],
    },
    {
      name: "ends in a circle",
      of: [calling("a", ["b"]), calling("b", ["a"]), calling("c", ["c"])],
      is: ["b", "a", "c"],
    },
    {
      name: "is one of each agent: a name of another one is another application",
      of: [calling("a", ["b"]), calling("b", [], "there")],
      is: ["a", "there b"],
    },
  ]
  for (const { name, of, is } of cases) it(name, () => assert.deepEqual(order(...of), is))

  it("has each behind all that it calls, and leaves none out, however they call each other", () => {
    const calls = fc.array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { maxLength: 30 })
    fc.assert(
      fc.property(calls, (graph) => {
        // Of lower numbers only, so that there is no circle.
        const all = graph.map((to, i) =>
          calling(
            `a${i}`,
            to.filter((j) => j < i).map((j) => `a${j}`),
          ),
        )
        const names = order(...all.toReversed())
        assert.deepEqual(names.toSorted(), all.map(({ name }) => name).toSorted())
        graph.forEach((to, i) => {
          for (const j of to) if (j < i) assert.ok(names.indexOf(`a${j}`) < names.indexOf(`a${i}`))
        })
      }),
      { numRuns: scaled(200, 2000) },
    )
  })

  it("is that of a compiled flow", () => {
    const { applications } = compileFlow(readFlow("application-called-in-front-of-its-own-tab"), FLOW_CATALOGUE)
    assert.deepEqual(
      applications.map(({ name }) => name),
      ["bookkeeping", "charging"],
    )
  })
})
