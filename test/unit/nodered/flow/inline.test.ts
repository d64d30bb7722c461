import assert from "node:assert/strict"
import { compileFlow } from "../../../../nodered-nodes/src/flow/compile.ts"
import { agentSays, FLOW_CATALOGUE } from "../../../support/flows.ts"
import type { FlowNode } from "../../../support/node-red.ts"
import { debugNode, eventNode, serviceTaskNode, tab, taskNode } from "../../../support/node-red-flow.ts"

type Wires = Readonly<Record<string, readonly string[]>>

const start = (to: readonly string[]) => eventNode("e", "mesg:charger/finished", to)
const pay = (to: Wires, id = "pay", more = {}) =>
  taskNode(id, "mesg:supplier.pay", ["paid", "refused", "later"], to, { name: id, ...more })
const tell = (to: Wires, id = "tell", more = {}) =>
  taskNode(id, "mesg:notify.send", ["delivered", "bounced"], to, { name: id, ...more })
const wait = (join: string, to: readonly string[] = []): FlowNode => {
  const awaited = { service: "car", event: "unplugged", where: "", timeout: "" }
  return { id: "wait", type: "mesg-wait", z: "tab", x: 1, y: 1, name: "", agent: "", join, ...awaited, wires: [to, []] }
}
const func = (id: string, to: readonly string[]): FlowNode => {
  return { id, type: "function", z: "tab", x: 1, y: 1, func: "return msg", outputs: 1, wires: [to] }
}
/** What makes a chain inline, and joins nothing itself. */
const beside = debugNode("beside")

function inlineNode(flow: readonly FlowNode[], id: string) {
  const nodes = compileFlow([tab(), ...flow], FLOW_CATALOGUE).inline.flatMap((chain) => chain.nodes)
  return nodes.find(({ node }) => node === id)!
}

/** `all: pay.paid, tell.delivered`; the code of a fault; null where nothing is joined. */
function joinOf(flow: readonly FlowNode[], id: string): string | null {
  const { join, fault } = inlineNode(flow, id)
  if (fault !== null) return fault.code
  if (join === null) return null
  return `${join.join}: ${join.statuses
    .map(({ from, status }) => `${from.node}.${status}`)
    .sort()
    .join(", ")}`
}

const both = (join: string) => [
  start(["pay"]),
  pay({ paid: ["tell", "wait", "beside"] }),
  tell({ delivered: ["wait"] }),
  wait(join),
  beside,
]

describe("what is joined in a chain that runs in Node-RED", () => {
  const cases = [
    {
      name: "as in the agent, where only nodes of ours stand before it",
      flow: both("auto"),
      is: "all: pay.paid, tell.delivered",
    },
    { name: "all, or the first, as is written", flow: both("any"), is: "any: pay.paid, tell.delivered" },
    {
      name: "the first of one task's by itself",
      flow: [start(["pay"]), pay({ paid: ["wait"], later: ["wait", "beside"] }), wait("auto"), beside],
      is: "any: pay.later, pay.paid",
    },
    {
      name: "behind a node of others nothing that nobody asked for",
      flow: [
        start(["f"]),
        func("f", ["pay", "tell"]),
        pay({ paid: ["wait"] }),
        tell({ delivered: ["wait"] }),
        wait("auto"),
      ],
      is: null,
    },
    {
      name: "behind a node of others what is asked for, also past it",
      flow: [
        start(["f"]),
        func("f", ["pay", "tell"]),
        pay({ paid: ["g"] }),
        func("g", ["wait"]),
        tell({ delivered: ["wait"] }),
        wait("all"),
      ],
      is: "all: pay.paid, tell.delivered",
    },
    {
      name: "nothing where one status leads, or none",
      flow: [start(["pay"]), pay({ paid: ["wait", "beside"] }), wait("all"), beside],
      is: null,
    },
    {
      name: "in front of a task like in front of a wait",
      at: "last",
      flow: [
        start(["pay"]),
        pay({ paid: ["tell", "last", "beside"] }),
        tell({ delivered: ["last"] }),
        tell({}, "last"),
        beside,
      ],
      is: "all: pay.paid, tell.delivered",
    },
    {
      name: "nothing by itself in a loop, which is how messages try again",
      at: "last",
      flow: [
        start(["pay"]),
        pay({ paid: ["tell", "last", "beside"] }),
        tell({ delivered: ["last"] }),
        tell({ bounced: ["last"] }, "last"),
        beside,
      ],
      is: null,
    },
    {
      name: "nothing that is asked for in a loop",
      at: "last",
      flow: [
        start(["pay"]),
        pay({ paid: ["tell", "last", "beside"] }),
        tell({ delivered: ["last"] }),
        tell({ bounced: ["last"] }, "last", { join: "all" }),
        beside,
      ],
      is: "CYCLE",
    },
    {
      name: "not all of what names no status",
      flow: [...both("all"), serviceTaskNode("begun", "s", "t", ["wait"])],
      is: "R2_STATUS",
    },
    {
      name: "not all of two statuses of one task",
      flow: [start(["pay"]), pay({ paid: ["wait"], later: ["wait", "beside"] }), wait("all"), beside],
      is: "JOIN_NEVER",
    },
  ]
  for (const { name, flow, is, at } of cases) it(name, () => assert.equal(joinOf(flow, at ?? "wait"), is))

  it("is refused in the words of the agent", () => {
    const flow = [
      start(["pay"]),
      pay({ paid: ["last"], later: ["last", "beside"] }),
      tell({}, "last", { join: "all" }),
      beside,
    ]
    const { fault } = inlineNode(flow, "last")
    const [compiled] = compileFlow([tab(), ...flow.slice(0, -1)], FLOW_CATALOGUE).applications
    const said = agentSays(compiled!.document).refusals.find(({ rule }) => rule === "JOIN_NEVER")!
    assert.deepEqual([fault!.message, fault!.remedy], [said.message, said.remedy])
  })

  it("calls its tasks what the agent would call them", () => {
    const flow = [
      start(["a", "b", "beside"]),
      pay({}, "a", { name: "Zahlung prüfen" }),
      pay({}, "b", { name: "" }),
      beside,
    ]
    const unnamed = [...flow, pay({}, "c", { name: "" })].with(0, start(["a", "b", "c", "beside"]))
    assert.deepEqual(
      ["a", "b", "c"].map((id) => inlineNode(unnamed, id).name),
      ["zahlungPrufen", "pay", "pay_2"],
    )
  })
})
