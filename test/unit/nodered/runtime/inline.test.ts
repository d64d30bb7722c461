import assert from "node:assert/strict"
import { startAgent } from "../../../support/agent.ts"
import { chargerRig } from "../../../support/charger-rig.ts"
import type { FlowNode, Notice } from "../../../support/node-red.ts"
import {
  CHARGER,
  CHARGER_CODE,
  catchNode,
  debugNode,
  eventNode,
  injectNode,
  tab,
  taskNode,
} from "../../../support/node-red-flow.ts"
import { serviceFolder } from "../../../support/service-folder.ts"

/** A message that a debug node showed. */
interface Shown {
  readonly payload: Readonly<Record<string, unknown>> & { readonly paid?: number }
  readonly status?: string
  readonly execution?: string
  readonly error?: { readonly message: string }
  readonly event?: { readonly service: string; readonly id: string | null }
  readonly mesg: { readonly tasks: Readonly<Record<string, { readonly status: string }>> }
}

describe("messages that pass through Node-RED", function () {
  this.timeout(240_000)
  const rig = chargerRig()

  const shownBy = (id: string) => async (): Promise<Shown> => {
    const is = ({ topic, data }: Notice) => topic === "debug" && (data as { id?: string }).id === id
    const { data } = await rig.nodeRed.notice(is, `a message at ${id}`)
    return JSON.parse((data as { msg: string }).msg) as Shown
  }
  const inject = (id: string) =>
    fetch(`${rig.nodeRed.url}/inject/${id}`, { method: "POST" }).then(({ status }) => assert.equal(status, 200))
  const pay = (to: Readonly<Record<string, readonly string[]>>, more = {}) =>
    taskNode("pay", "mesg:charger.pay", ["paid", "refused"], to, {
      with: { amount: { type: "msg", value: "payload.amount" } },
      ...more,
    })
  const payFlow = (amount: number, to: Readonly<Record<string, readonly string[]>>): FlowNode[] => [
    tab(),
    injectNode("in", { amount }, ["pay"]),
    pay(to),
    debugNode("paid"),
    debugNode("other"),
    catchNode("catch", ["caught"]),
    debugNode("caught"),
  ]

  it("begin with each occurrence of an event that `where` lets pass", async () => {
    await rig.nodeRed.deploy([
      tab(),
      eventNode("e", "mesg:charger/finished", ["seen"], { where: "data.kwh > 5" }),
      debugNode("seen"),
    ])
    const send = (kwh: number, id: string) =>
      rig.agent.api("POST", "/services/charger/events/finished", { data: { kwh }, id })
    await send(3, "small")
    await send(7, "large")
    const { payload, event } = await shownBy("seen")()
    assert.deepEqual(payload, { kwh: 7 })
    assert.equal(event!.service, "charger")
    assert.equal(event!.id, "large")
  })

  it("are thinned out as in the agent: the last of a burst, and one in the time of a throttle", async () => {
    const begin = (id: string, more: object) =>
      eventNode(id, "mesg:charger/finished", [`${id}-seen`], { ...more, where: "data.kwh < 3" })
    await rig.nodeRed.deploy([
      tab(),
      begin("burst", { debounce: "3s" }),
      begin("calm", { throttle: "1h" }),
      debugNode("burst-seen"),
      debugNode("calm-seen"),
    ])
    const send = (kwh: number) => rig.agent.api("POST", "/services/charger/events/finished", { data: { kwh } })
    for (const kwh of [1, 2]) await send(kwh)
    assert.deepEqual((await shownBy("calm-seen")()).payload, { kwh: 1 })
    assert.deepEqual((await shownBy("burst-seen")()).payload, { kwh: 2 })
    const isCalm = ({ topic, data }: Notice) => topic === "debug" && (data as { id?: string }).id === "calm-seen"
    assert.equal(rig.nodeRed.notices().filter(isCalm).length, 1)
  })

  it("leave a task at the output of its status, with its data and the execution", async () => {
    await rig.nodeRed.deploy(payFlow(12, { paid: ["paid"], refused: ["other"] }))
    await inject("in")
    const { payload, status, execution, mesg } = await shownBy("paid")()
    assert.equal(payload["amount"], 12)
    assert.equal(status, "paid")
    assert.equal(mesg.tasks["pay"]!.status, "paid")
    const kept = await rig.agent.json<{ status: string }>("execution", "show", execution!)
    assert.equal(kept.status, "completed")
  })

  it("leave it at another output where it ends in another status", async () => {
    await rig.nodeRed.deploy(payFlow(101, { paid: ["paid"], refused: ["other"] }))
    await inject("in")
    assert.equal((await shownBy("other")()).status, "refused")
  })

  it("are an error for catch nodes where a task fails and `error` leads nowhere", async () => {
    await rig.nodeRed.deploy(payFlow(13, { paid: ["paid"] }))
    await inject("in")
    assert.match((await shownBy("caught")()).error!.message, /unlucky/)
  })

  it("leave at `error` where it leads somewhere", async () => {
    await rig.nodeRed.deploy(payFlow(13, { paid: ["paid"], error: ["other"] }))
    await inject("in")
    assert.equal((await shownBy("other")()).status, "error")
  })

  it("say by the field's name why the inputs cannot be put together", async () => {
    const bad = pay({ paid: ["paid"] }, { with: { amount: { type: "jsonata", value: "$sum(" } } })
    await rig.nodeRed.deploy(payFlow(1, { paid: ["paid"] }).map((node) => (node.id === "pay" ? bad : node)))
    await inject("in")
    assert.match((await shownBy("caught")()).error!.message, /^(?:Error: )?amount: .*"\)"/)
  })

  it("see in expressions what an application would see", async () => {
    const again = taskNode(
      "again",
      "mesg:charger.pay",
      ["paid", "refused"],
      { paid: ["other"] },
      {
        with: {
          amount: { type: "jsonata", value: "tasks.pay.data.amount + trigger.data.amount" },
          to: { type: "str", value: "{{ tasks.pay.status }}!" },
        },
      },
    )
    await rig.nodeRed.deploy([...payFlow(4, { paid: ["again"] }), again])
    await inject("in")
    assert.equal((await shownBy("other")()).payload["amount"], 8)
  })

  const waitNode = (join: string, more = {}): FlowNode => {
    const awaited = { service: "charger", event: "unplugged", where: "", timeout: "", ...more }
    return { id: "wait", type: "mesg-wait", z: "tab", x: 1, y: 1, join, ...awaited, wires: [["paid"], ["other"]] }
  }

  it("wait for an event, each by itself", async () => {
    const wait = waitNode("all", { where: "data.car = trigger.data.car" })
    const flow = payFlow(1, {}).map((node) => (node.id === "in" ? injectNode("in", { car: "c-1" }, ["wait"]) : node))
    await rig.nodeRed.deploy([...flow, wait])
    await inject("in")
    const text = ({ data }: Notice) => (data as { text?: string }).text ?? ""
    await rig.nodeRed.notice((notice) => notice.topic === "status/wait" && text(notice) === "1 waiting", "the wait")
    for (const car of ["c-2", "c-1"])
      await rig.agent.api("POST", "/services/charger/events/unplugged", { data: { car } })
    assert.deepEqual((await shownBy("paid")()).payload, { car: "c-1" })
  })

  it("leave a wait by its second output when the time is over", async () => {
    const wait = waitNode("all", { timeout: "50ms" })
    const flow = payFlow(1, {}).map((node) => (node.id === "in" ? injectNode("in", {}, ["wait"]) : node))
    await rig.nodeRed.deploy([...flow, wait])
    await inject("in")
    assert.equal((await shownBy("other")()).status, "timed-out")
  })

  const joinedAt = (join: string, into: readonly string[], more: readonly FlowNode[] = []): FlowNode[] => {
    const amount = (value: string) => ({ with: { amount: { type: "num", value } } })
    const task = (id: string, to: readonly string[], given: object) =>
      taskNode(id, "mesg:charger.pay", ["paid", "refused"], { paid: to }, { ...given, name: id })
    return [
      tab(),
      eventNode("e", "mesg:charger/finished", ["pay"]),
      task("pay", ["slow", "beside", ...into], amount("1")),
      task("slow", ["wait"], amount("50")),
      debugNode("beside"),
      waitNode(join),
      debugNode("paid"),
      catchNode("catch", ["caught"]),
      debugNode("caught"),
      ...more,
    ]
  }

  it("wait where two ways meet until both have come, and for an event that came before", async () => {
    await rig.nodeRed.deploy(joinedAt("auto", ["wait"]))
    await rig.agent.api("POST", "/services/charger/events/finished", { data: { kwh: 1 } })
    await shownBy("beside")()
    await rig.agent.api("POST", "/services/charger/events/unplugged", { data: { car: "early" } })
    const { payload, mesg } = await shownBy("paid")()
    assert.deepEqual(payload, { car: "early" })
    assert.deepEqual(Object.keys(mesg.tasks), ["pay", "slow"])
  })

  it("are an error for catch nodes where a function took away what they are joined by", async () => {
    const func = { id: "f", type: "function", z: "tab", x: 1, y: 1, func: "return { payload: 1 }", outputs: 1 }
    await rig.nodeRed.deploy(joinedAt("all", ["f"], [{ ...func, wires: [["wait"]] }]))
    await rig.agent.api("POST", "/services/charger/events/finished", { data: { kwh: 1 } })
    assert.match((await shownBy("caught")()).error!.message, /JOIN_LOST: .*paid, paid/)
  })

  it("say on the node what can never come together, in the words of the agent", async () => {
    const flow = payFlow(1, { paid: ["wait"], refused: ["wait"] })
    await rig.nodeRed.deploy([...flow, waitNode("all")])
    const text = ({ data }: Notice) => (data as { text?: string }).text
    await rig.nodeRed.notice((one) => one.topic === "status/wait" && text(one) === "JOIN_NEVER", "the refusal")
    await inject("in")
    assert.match((await shownBy("caught")()).error!.message, /"pay" ends in one status only/)
  })

  it("begin inside of a subflow, in each of its uses, also in another subflow", async () => {
    const inner = { z: "template", x: 100, y: 100 }
    const out = (id: string) => ({ id, type: "subflow:template", z: "tab", x: 300, y: 100 })
    const frame = { id: "outer", type: "subflow", name: "Outer", in: [] }
    await rig.nodeRed.deploy([
      tab(),
      { ...frame, out: [{ x: 300, y: 100, wires: [{ id: "deep", port: 0 }] }] },
      { ...out("deep"), z: "outer", wires: [[]] },
      { ...out("third"), type: "subflow:outer", wires: [["third-seen"]] },
      debugNode("third-seen"),
      {
        id: "template",
        type: "subflow",
        name: "Charges",
        in: [],
        out: [{ x: 300, y: 100, wires: [{ id: "f", port: 0 }] }],
      },
      { ...eventNode("e", "mesg:charger/finished", ["f"]), ...inner },
      { id: "f", type: "function", func: "return msg", outputs: 1, wires: [[]], ...inner },
      { ...out("first"), wires: [["paid"]] },
      { ...out("second"), wires: [["other"]] },
      debugNode("paid"),
      debugNode("other"),
    ])
    await rig.agent.api("POST", "/services/charger/events/finished", { data: { kwh: 9 } })
    for (const id of ["paid", "other", "third-seen"]) assert.deepEqual((await shownBy(id)()).payload, { kwh: 9 })
  })

  it("go to the agent that a configuration names, with its token", async () => {
    const other = await startAgent()
    try {
      await other.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
      const { token } = await other.json<{ token: string }>(
        "token",
        "create",
        "--scope",
        "deploy",
        "--name",
        "node-red",
      )
      const named = { id: "agent", type: "mesg-agent", name: "", url: `${other.http}/`, credentials: { token } }
      const flow = payFlow(7, { paid: ["paid"] }).map((node) =>
        node.id === "pay" ? { ...node, agent: "agent" } : node,
      )
      await rig.nodeRed.deploy([named, ...flow])
      await inject("in")
      const { execution } = await shownBy("paid")()
      const kept = await other.json<{ status: string }>("execution", "show", execution!)
      assert.equal(kept.status, "completed")
      assert.equal(JSON.stringify(await rig.nodeRed.admin("GET", "/flows")).includes(token), false)
    } finally {
      await rig.nodeRed.deploy([tab()])
      await other.stop()
      other.clean()
    }
  })

  it("say that the token is not taken", async () => {
    const named = { id: "agent", type: "mesg-agent", name: "", url: rig.agent.http, credentials: { token: "wrong" } }
    const flow = payFlow(7, { paid: ["paid"] }).map((node) => (node.id === "pay" ? { ...node, agent: "agent" } : node))
    await rig.nodeRed.deploy([named, ...flow])
    await inject("in")
    assert.match((await shownBy("caught")()).error!.message, /token/i)
  })

  it("call a task once though the agent is killed while it works and its answer is waited for", async () => {
    const before = await rig.agent.json<{ data: { paid: number } }>(
      ...["service", "call", "charger", "pay", "--inputs", '{"amount": 1}', "--wait", "10"],
    )
    await rig.nodeRed.deploy(payFlow(55, { paid: ["paid"], error: ["other"] }))
    const running = ({ topic, data }: Notice) =>
      topic === "status/pay" && /running/.test((data as { text: string }).text)
    await inject("in")
    await rig.nodeRed.notice(running, "the call")
    const started = async () =>
      (await rig.agent.json<{ items: { status: string }[] }>("execution", "list")).items[0]!.status
    while ((await started()) !== "running") assert.ok(rig.agent.process.exitCode === null)
    await rig.agent.kill()
    await rig.bringAgent()
    const { status } = await shownBy("other")()
    assert.equal(status, "error", "an effectful task that a crash interrupted is not done again")
    const after = await rig.agent.json<{ data: { paid: number } }>(
      ...["service", "call", "charger", "pay", "--inputs", '{"amount": 1}', "--wait", "10"],
    )
    assert.ok(after.data.paid - before.data.paid <= 2, "the payment itself, and this one")
  })
})
