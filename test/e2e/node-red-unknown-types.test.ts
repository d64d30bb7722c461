import assert from "node:assert/strict"
import { startAgent, type TestAgent } from "../support/agent.ts"
import {
  type FlowNode,
  NODE_RED_VERSIONS,
  type NodeRed,
  type NodeRedVersion,
  startNodeRed,
} from "../support/node-red.ts"
import {
  CHARGER,
  CHARGER_CODE,
  debugNode,
  eventNode,
  injectNode,
  serviceEventNode,
  serviceResultNode,
  serviceTaskNode,
  tab,
  taskNode,
} from "../support/node-red-flow.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"

const UNKNOWN = "service not known to the agent yet"
const AMOUNT = { amount: { type: "num", value: "4" } }

/** A tab of its own with what is drawn for the tab of the test. */
function on(id: string, label: string, ...nodes: readonly FlowNode[]): FlowNode[] {
  return [tab(label, id), ...nodes.map((node) => ({ ...node, z: id }))]
}

/** A service that bills, made by a flow, and its nodes in other flows: a message calls it, its event begins an application. */
const MADE_AND_USED: readonly FlowNode[] = [
  ...on(
    "made",
    "Made",
    serviceTaskNode("bill", "billing", "bill", ["billed", "sent"]),
    serviceResultNode("billed", "billed"),
    serviceEventNode("sent", "billing", "sent"),
  ),
  ...on(
    "inline",
    "Inline",
    injectNode("in", { euros: 7 }, ["ask"]),
    taskNode(
      "ask",
      "mesg:billing.bill",
      ["billed"],
      { billed: ["seen"] },
      { withAll: { type: "msg", value: "payload" } },
    ),
    debugNode("seen"),
  ),
  ...on(
    "compiled",
    "Compiled",
    eventNode("begin", "mesg:billing/sent", ["note"]),
    taskNode("note", "mesg:log.write", ["written"], {}, { with: { message: { type: "str", value: "sent" } } }),
  ),
]

for (const version of Object.keys(NODE_RED_VERSIONS) as NodeRedVersion[])
  describe(`types that nobody knows yet, in Node-RED ${version}`, function () {
    this.timeout(240_000)
    let agent: TestAgent
    let nodeRed: NodeRed
    afterEach(async () => {
      await nodeRed?.kill()
      await agent?.stop()
      agent?.clean()
    })

    const statusOf = (id: string, is: (text: string) => boolean) =>
      nodeRed.notice(
        ({ topic, data }) => topic === `status/${id}` && is((data as { text?: string } | null)?.text ?? ""),
        `the status of ${id}`,
      )
    const inject = (id: string) => fetch(`${nodeRed.url}/inject/${id}`, { method: "POST" })
    const seen = async (id: string) => {
      const { data } = await nodeRed.notice(
        ({ topic, data }) => topic === "debug" && (data as { id?: string }).id === id,
        `a message at ${id}`,
      )
      return JSON.parse((data as { msg: string }).msg) as { payload: Record<string, unknown>; status: string }
    }
    const nothingWasMissing = () => assert.doesNotMatch(nodeRed.output(), /missing types/)

    it("are there for a service that the same deploy makes, and nothing is refused on the way", async () => {
      agent = await startAgent()
      nodeRed = await startNodeRed({ version, env: { MESG_HOME: agent.home } })
      await nodeRed.deploy(MADE_AND_USED)
      await statusOf("begin", (text) => text === "in the agent, v1")
      await inject("in")
      assert.deepEqual((await seen("seen")).status, "billed")
      await statusOf("note", (text) => text === "written")
      nothingWasMissing()
      assert.doesNotMatch(nodeRed.output(), /UNKNOWN_/)
    })

    it("come with a flow that is added to others, which go on as they were", async () => {
      agent = await startAgent()
      nodeRed = await startNodeRed({ version, env: { MESG_HOME: agent.home } })
      const count = 'context.set("n", (context.get("n") ?? 0) + 1); return { payload: { n: context.get("n") } }'
      const counter = {
        id: "count",
        type: "function",
        func: count,
        outputs: 1,
        libs: [],
        x: 300,
        y: 100,
        wires: [["c"]],
      }
      await nodeRed.deploy(on("first", "First", injectNode("one", {}, ["count"]), counter, debugNode("c")))
      await inject("one")
      assert.equal((await seen("c")).payload["n"], 1)
      nodeRed.forget()
      const [added, ...nodes] = on(
        "added",
        "Added",
        serviceTaskNode("t", "late", "work", ["r"]),
        serviceResultNode("r", "done"),
        injectNode("two", {}, ["use"]),
        taskNode("use", "mesg:late.work", ["done"], { done: ["d"] }),
        debugNode("d"),
      )
      await nodeRed.admin("POST", "/flow", { ...added, nodes })
      await statusOf("t", (text) => text === "registered")
      await inject("two")
      assert.equal((await seen("d")).status, "done")
      nodeRed.forget()
      await inject("one")
      assert.equal((await seen("c")).payload["n"], 2, "the function was not started anew")
      nothingWasMissing()
    })

    it("are there at the start, say so on their nodes, and become the real ones with the service", async () => {
      const flows = [
        ...on(
          "inline",
          "Inline",
          injectNode("in", {}, ["pay"]),
          taskNode("pay", "mesg:charger.pay", ["paid", "refused"], { paid: ["seen"] }, { with: AMOUNT }),
          debugNode("seen"),
        ),
        ...on("ev", "Compiled", eventNode("begin", "mesg:charger/finished", ["also"]), {
          ...taskNode("also", "mesg:charger.pay", ["paid", "refused"], {}, { with: AMOUNT }),
        }),
      ]
      const home = tempDir("mesg-agent")
      nodeRed = await startNodeRed({ version, env: { MESG_HOME: home }, flows })
      await statusOf("pay", (text) => text === "no agent")
      agent = await startAgent({ home })
      await statusOf("pay", (text) => text === UNKNOWN)
      await statusOf("begin", (text) => text === UNKNOWN)
      nodeRed.forget()
      await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
      await statusOf("begin", (text) => text === "in the agent, v1")
      await statusOf("pay", (text) => text === "in Node-RED: the node inject")
      await inject("in")
      assert.equal((await seen("seen")).payload["amount"], 4)
      const { flows: kept } = await nodeRed.admin<{ flows: FlowNode[] }>("GET", "/flows")
      assert.deepEqual(kept, flows)
      nodeRed.forget()
      await agent.json("service", "remove", "charger")
      await statusOf("pay", (text) => text === UNKNOWN)
      nothingWasMissing()
    })
  })
