import assert from "node:assert/strict"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { startHttpProxy } from "../support/http-proxy.ts"
import { type FlowNode, type NodeRed, type Notice, startNodeRed } from "../support/node-red.ts"
import {
  catchNode,
  debugNode,
  eventNode,
  injectNode,
  serviceEventNode,
  serviceResultNode,
  serviceTaskNode,
  tab,
  taskNode,
} from "../support/node-red-flow.ts"
import { until } from "../support/until.ts"

const QUICK = JSON.stringify({ timeoutMs: 2000 })
const IDEMPOTENT = JSON.stringify({ effect: "idempotent", timeoutMs: 120_000 })

const func = (id: string, code: string, to: readonly string[]): FlowNode => {
  return { id, type: "function", z: "tab", name: "", func: code, outputs: 1, libs: [], x: 300, y: 100, wires: [to] }
}

/** A service that bills: up to 100 it is `billed`, beyond it `refused`; every bill is an event. */
const BILLING: FlowNode[] = [
  tab(),
  serviceTaskNode("bill", "billing", "bill", ["work"], {
    declaration: JSON.stringify({
      inputs: { type: "object", properties: { euros: { type: "number" } }, required: ["euros"] },
    }),
  }),
  {
    id: "work",
    type: "switch",
    z: "tab",
    x: 300,
    y: 100,
    property: "payload.euros",
    propertyType: "msg",
    rules: [{ t: "lte", v: "100", vt: "num" }, { t: "else" }],
    outputs: 2,
    wires: [["billed", "sent"], ["refused"]],
  },
  serviceResultNode("billed", "billed"),
  serviceResultNode("refused", "refused"),
  serviceEventNode("sent", "billing", "sent"),
]

describe("a service that is written as a flow, in Node-RED", function () {
  this.timeout(180_000)
  let agent: TestAgent
  let nodeRed: NodeRed
  before(async function () {
    this.timeout(300_000)
    agent = await startAgent()
    nodeRed = await startNodeRed({ env: { MESG_HOME: agent.home } })
  })
  after(async () => {
    await nodeRed?.kill()
    await agent?.stop()
    agent?.clean()
  })
  beforeEach(() => nodeRed.forget())

  const ids = async () => (await agent.json<{ items: { id: string }[] }>("service", "list")).items.map(({ id }) => id)
  const statusOf = (id: string, is: (text: string) => boolean) =>
    nodeRed.notice(
      ({ topic, data }: Notice) => topic === `status/${id}` && is((data as { text?: string } | null)?.text ?? ""),
      `the status of ${id}`,
    )
  const registered = (id: string) => statusOf(id, (text) => text === "registered")
  async function call(service: string, task: string, inputs: unknown, waitS = 20) {
    const path = `/services/${service}/tasks/${task}`
    const response = await agent.api("POST", path, { inputs }, { prefer: `wait=${waitS}` })
    return (await response.json()) as { execution: string; status: string; data: Record<string, unknown> }
  }
  const shownBy = async (id: string) => {
    const is = ({ topic, data }: Notice) => topic === "debug" && (data as { id?: string }).id === id
    return JSON.parse(((await nodeRed.notice(is, `a message at ${id}`)).data as { msg: string }).msg) as {
      payload: Record<string, unknown>
      status?: string
      error?: { message: string }
    }
  }
  const inject = (id: string) => fetch(`${nodeRed.url}/inject/${id}`, { method: "POST" })

  it("is called by the CLI, and ends in the status of the result node that was reached", async () => {
    await nodeRed.deploy(BILLING)
    await registered("bill")
    const small = await agent.json<{ status: string; data: unknown }>(
      "service",
      "call",
      "billing",
      "bill",
      "--inputs",
      '{"euros":12}',
      "--wait",
      "10",
    )
    assert.deepEqual([small.status, small.data], ["billed", { euros: 12 }])
    assert.equal((await call("billing", "bill", { euros: 120 })).status, "refused")
  })

  it("is called where it is drawn now, though it declares the same", async () => {
    const redrawn = (JSON.parse(JSON.stringify(BILLING)) as FlowNode[]).map((node) =>
      node.id === "bill" ? { ...node, id: "again" } : node,
    )
    await nodeRed.deploy(redrawn)
    await registered("again")
    assert.equal((await call("billing", "bill", { euros: 12 })).status, "billed")
    await nodeRed.deploy(BILLING)
    await registered("bill")
  })

  it("is not run by this machine's agent where its own agent node is gone", async () => {
    const away = BILLING.map((node) =>
      node.id === "bill" || node.id === "sent" ? { ...node, agent: "nowhere" } : node,
    )
    await nodeRed.deploy(away)
    await statusOf("bill", (text) => text === "no agent")
    nodeRed.forget()
    await nodeRed.deploy(BILLING)
    await registered("bill")
  })

  it("is called by an application of another flow, and its events begin one", async () => {
    const app = [
      { id: "other", type: "tab", label: "Bill it" },
      { ...eventNode("sent-event", "mesg-event", ["write"]), z: "other", service: "billing", event: "sent" },
      { ...taskNode("write", "mesg-task", ["written"], {}), z: "other", service: "log", task: "write" },
      { id: "third", type: "tab", label: "Ask" },
      injectNode("in", { euros: 7 }, ["ask"]),
      taskNode(
        "ask",
        "mesg:billing.bill",
        ["billed", "refused"],
        { billed: ["seen"] },
        {
          with: { euros: { type: "msg", value: "payload.euros" } },
        },
      ),
      debugNode("seen"),
    ].map((node) => (node.id === "write" ? { ...node, with: { message: { type: "str", value: "sent" } } } : node))
    await nodeRed.deploy([...BILLING, ...app])
    await statusOf("sent-event", (text) => text.startsWith("in the agent"))
    await inject("in")
    const { payload, status } = await shownBy("seen")
    assert.deepEqual([payload["euros"], status], [7, "billed"])
    const done = async () => {
      const { items } = (await (await agent.api("GET", "/executions?app=bill-it&status=completed")).json()) as {
        items: unknown[]
      }
      return items.length > 0
    }
    await until(done, 20_000, "the event has begun an execution")
  })

  it("changes its manifest at a deploy, and is taken away with its nodes", async () => {
    await nodeRed.deploy([...BILLING, serviceEventNode("late", "billing", "late")])
    await registered("late")
    const { manifest } = await agent.json<{ manifest: { events: object } }>("service", "show", "billing")
    assert.deepEqual(Object.keys(manifest.events).sort(), ["late", "sent"])
    await nodeRed.deploy([tab()])
    await until(async () => !(await ids()).includes("billing"), 20_000, "the service is gone")
  })

  const caught = (id: string) => [catchNode("catch", [id]), debugNode(id)]

  const errorAt = async (id: string) => (await shownBy(id)).error!.message

  it("refuses a second result, on the node", async () => {
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("bill", "twice", "bill", ["one", "other"]),
      serviceResultNode("one", "billed"),
      serviceResultNode("other", "billed"),
      ...caught("caught"),
    ])
    await registered("bill")
    assert.equal((await call("twice", "bill", {})).status, "billed")
    assert.match(await errorAt("caught"), /CALL_ENDED: the task "bill" \(ex_\w+\.call\) has its result already/)
  })

  it("refuses a result of no declared status, on the node, and the call stays open for a right one", async () => {
    const declaration = JSON.stringify({ statuses: { billed: {} } })
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("bill", "odd-one", "bill", ["odd"], { declaration }),
      func("odd", 'return { ...msg, status: "odd" }', ["r"]),
      serviceResultNode("r", ""),
      catchNode("catch", ["caught", "right"]),
      debugNode("caught"),
      func("right", 'return { ...msg, status: "billed" }', ["r"]),
    ])
    await registered("bill")
    assert.equal((await call("odd-one", "bill", {})).status, "billed")
    assert.match(await errorAt("caught"), /STATUS_UNDECLARED: the task "bill" declares no status "odd", but billed/)
  })

  it("refuses a result whose service is gone meanwhile", async () => {
    const flow = (more: readonly FlowNode[]) => [
      tab(),
      ...more,
      func("hold", 'global.set("gone", msg); return null', ["r"]),
      injectNode("in", {}, ["release"]),
      func("release", 'return global.get("gone")', ["r"]),
      serviceResultNode("r", "done"),
      ...caught("caught"),
    ]
    await nodeRed.deploy(flow([serviceTaskNode("t", "gone", "work", ["hold"])]))
    await registered("t")
    await call("gone", "work", {}, 0)
    await statusOf("t", (text) => text.startsWith("1 "))
    await nodeRed.deploy(flow([]))
    await inject("in")
    assert.match(await errorAt("caught"), /CALL_UNKNOWN: nobody waits for a result of the task "work"/)
  })

  it("refuses a result that is about no call", async () => {
    await nodeRed.deploy([tab(), injectNode("in", {}, ["r"]), serviceResultNode("r", "x"), ...caught("caught")])
    await inject("in")
    assert.match((await shownBy("caught")).error!.message, /CALL_NONE: this message is about no call/)
  })

  it("ends by its time without a result, and what comes then is late", async () => {
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("slow", "slow", "work", ["wait"], { declaration: QUICK }),
      {
        id: "wait",
        type: "delay",
        z: "tab",
        x: 300,
        y: 100,
        pauseType: "delay",
        timeout: "4",
        timeoutUnits: "seconds",
        wires: [["r"]],
      },
      serviceResultNode("r", "done"),
      { ...catchNode("catch", ["caught"]), scope: ["r"] },
      debugNode("caught"),
      { ...catchNode("unanswered", ["missed"]), scope: ["slow"] },
      debugNode("missed"),
    ])
    await registered("slow")
    const { status, data } = await call("slow", "work", {})
    assert.deepEqual([status, data["code"]], ["timed-out", "TIMED_OUT"])
    assert.match((await shownBy("missed")).error!.message, /the task "work" .* had no result/)
    assert.match((await shownBy("caught")).error!.message, /CALL_LATE: the time of the task "work"/)
  })

  it("is not put in the place of somebody else's service", async () => {
    await nodeRed.deploy([tab(), serviceTaskNode("t", "log", "write", ["r"]), serviceResultNode("r", "written")])
    await statusOf("t", (text) => text === "NAME")
    assert.ok((await ids()).includes("log"))
  })

  it("shows on the node why the agent does not take its manifest", async () => {
    const declaration = JSON.stringify({ inputs: { type: "no-type" } })
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("t", "odd", "work", ["r"], { declaration }),
      serviceResultNode("r", "done"),
    ])
    await statusOf("t", (text) => text === "REMOTE_REFUSED")
  })

  // It is waited for as long as for any answer: 30 s.
  it("says on the node that its agent is behind a proxy that lets no MQTT through", async () => {
    const proxy = await startHttpProxy(agent.http)
    try {
      await nodeRed.deploy([
        { id: "agent", type: "mesg-agent", name: "", url: proxy.url, credentials: { token: agent.token } },
        tab(),
        serviceTaskNode("t", "behind", "work", ["r"], { agent: "agent" }),
        { ...serviceResultNode("r", "done"), agent: "agent" },
      ])
      await statusOf("t", (text) => text === "REMOTE_UNREACHABLE")
      await nodeRed.deploy([tab()])
    } finally {
      proxy.close()
    }
  })

  it("tells an agent that was killed in the middle of a task how it ended", async () => {
    const hold = 'context.flow.set("held", msg); context.flow.set("send", node.send.bind(node)); return null'
    const release = 'context.flow.get("send")(context.flow.get("held")); return null'
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("t", "held", "work", ["hold"], { declaration: JSON.stringify({ timeoutMs: 120_000 }) }),
      func("hold", hold, ["r"]),
      serviceResultNode("r", "done", { withAll: { type: "json", value: "{}" } }),
      injectNode("in", {}, ["release"]),
      func("release", release, []),
    ])
    await registered("t")
    const { execution } = await call("held", "work", {}, 0)
    await statusOf("t", (text) => text.startsWith("1 "))
    nodeRed.forget()
    await agent.kill()
    await statusOf("t", (text) => text === "no agent")
    nodeRed.forget()
    await inject("in")
    // At other ports, with another token.
    agent = await startAgent({ home: agent.home })
    const id = execution.split(".")[0]!
    const ended = async () => (await agent.json<{ status: string }>("execution", "show", id)).status === "completed"
    await until(ended, 60_000, "the result was taken")
  })

  it("stays registered, and its call open, when Node-RED is killed in the middle of a task; a later Node-RED takes it away", async () => {
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("t", "again", "work", ["hold"], { declaration: IDEMPOTENT }),
      func("hold", "return null", ["r"]),
      serviceResultNode("r", "done"),
    ])
    await registered("t")
    const { execution } = await call("again", "work", {}, 0)
    await statusOf("t", (text) => text.startsWith("1 "))
    const { userDir } = nodeRed
    await nodeRed.kill()
    const show = async () => (await (await agent.api("GET", `/services/again`)).json()) as { state: string }
    await until(async () => (await show()).state === "offline", 20_000, "the service is offline")
    // What it remembers of its services is lost: the same one that nobody runs is its own.
    rmSync(join(userDir, "mesg-services.json"))
    nodeRed = await startNodeRed({ env: { MESG_HOME: agent.home }, userDir })
    await until(async () => (await show()).state === "running", 60_000, "the service is back")
    const { status } = await agent.json<{ status: string }>("execution", "show", execution.split(".")[0]!)
    assert.equal(status, "running")
    // A message of the earlier one, as a queue on disk would bring it back.
    const handle = { service: "again", task: "work", execution, deadline: new Date().toISOString() }
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("t", "again", "work", ["r"], { declaration: IDEMPOTENT }),
      serviceResultNode("r", "done"),
      injectNode("in", handle, ["old"]),
      func("old", "return { mesg: { tasks: {}, call: msg.payload } }", ["r"]),
      ...caught("caught"),
    ])
    await inject("in")
    assert.match(await errorAt("caught"), /CALL_UNKNOWN: .* it is from before Node-RED was started/)
    // What an earlier Node-RED registered is taken away by a later one.
    await nodeRed.deploy([tab()])
    await until(async () => !(await ids()).includes("again"), 20_000, "the service is gone")
  })
})
