import assert from "node:assert/strict"
import type { Application } from "../../agent/schema/application.ts"
import type { ManifestInput } from "../../agent/schema/manifest.ts"
import type { PaletteView } from "../../nodered-nodes/src/runtime/palette/definition.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { type FlowNode, type NodeRed, startNodeRed } from "../support/node-red.ts"
import {
  CHARGER,
  CHARGER_CODE,
  debugNode,
  eventNode,
  injectNode,
  serviceResultNode,
  serviceTaskNode,
  tab,
  taskNode,
} from "../support/node-red-flow.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"

const { pay } = CHARGER.tasks!
/** The same service in another version, with a status more. */
const LATER: ManifestInput = {
  ...CHARGER,
  version: "2.0.0",
  tasks: { pay: { ...pay!, statuses: { ...pay!.statuses, later: {} } } },
}
const AMOUNT = { amount: { type: "num", value: "4" } }
const NOTE = { message: { type: "str", value: "paid" } }

/** event -> pay -> write, as an application `charging` of its agent. */
function charging(id: string, agent: string, declared: readonly string[]): FlowNode[] {
  const last = declared.at(-1)!
  const nodes = [
    eventNode(`${id}-event`, "mesg:charger/finished", [`${id}-pay`], { agent }),
    taskNode(`${id}-pay`, "mesg:charger.pay", declared, { [last]: [`${id}-note`] }, { agent, with: AMOUNT }),
    taskNode(`${id}-note`, "mesg:log.write", ["written"], {}, { agent, with: NOTE }),
  ]
  return [tab("Charging", id), ...nodes.map((node) => ({ ...node, z: id }))]
}

describe("two agents of one Node-RED", function () {
  this.timeout(120_000)
  let here: TestAgent
  let there: TestAgent
  let nodeRed: NodeRed
  before(async function () {
    this.timeout(300_000)
    here = await startAgent()
    there = await startAgent()
    await here.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
    await there.json("service", "add", serviceFolder(LATER, CHARGER_CODE))
    await there.json("service", "add", serviceFolder({ ...CHARGER, id: "lamp", name: "Lamp" }, CHARGER_CODE))
    nodeRed = await startNodeRed({ env: { MESG_HOME: here.home } })
  })
  after(async () => {
    await nodeRed?.kill()
    for (const agent of [here, there]) {
      await agent?.stop()
      agent?.clean()
    }
  })
  beforeEach(() => nodeRed.forget())

  const statusOf = (id: string, is: (text: string) => boolean) =>
    nodeRed.notice(
      ({ topic, data }) => topic === `status/${id}` && is((data as { text?: string } | null)?.text ?? ""),
      `the status of ${id}`,
    )
  const other = (): FlowNode => {
    return { id: "there", type: "mesg-agent", name: "There", url: there.http, credentials: { token: there.token } }
  }
  const palette = async () => (await nodeRed.admin<PaletteView>("GET", "/mesg/palette")).services
  const service = async (id: string) => (await palette()).find((one) => one.id === id)
  const ofOther = (): FlowNode[] => [
    other(),
    ...charging("b", "there", ["paid", "refused", "later"]),
    tab("Inline"),
    injectNode("in", {}, ["lit"]),
    taskNode("lit", "mesg:lamp.pay", ["paid", "refused"], { paid: ["seen"] }, { agent: "there", with: AMOUNT }),
    debugNode("seen"),
  ]
  const applications = async (agent: TestAgent) =>
    (await agent.json<{ items: { name: string }[] }>("app", "list")).items.map(({ name }) => name)
  const executions = async (agent: TestAgent) =>
    (await agent.json<{ items: unknown[] }>("execution", "list", "--app", "charging")).items.length

  it("have the nodes of both, each with what its own agent says", async () => {
    await nodeRed.deploy([other(), tab()])
    await until(async () => (await service("lamp")) !== undefined, 30_000, "the services of the other one")
    await until(async () => (await service("charger"))?.byAgent !== undefined, 30_000, "its version")
    const { version, byAgent } = (await service("charger"))!
    const said = Object.entries(byAgent!).map(([url, one]) => [
      url,
      one.version,
      Object.keys(one.tasks["pay"]!.statuses),
    ])
    assert.equal(version, "1.0.0", "as the agent of this machine says it")
    assert.deepEqual(said.sort(), [
      ["", "1.0.0", ["paid", "refused"]],
      [there.http, "2.0.0", ["paid", "refused", "later"]],
    ])
  })

  it("get their own applications, of one name too, and each runs its own events", async () => {
    await nodeRed.deploy([...charging("a", "", ["refused", "paid"]), ...ofOther()])
    await statusOf("a-event", (text) => text === "in the agent, v1")
    await statusOf("b-event", (text) => text === "in the agent, v1")
    const afterOf = async (agent: TestAgent) => {
      const { document } = await agent.json<{ document: Application }>("app", "show", "charging")
      return Object.values(document.workflows)[0]!.tasks["write"]!.after
    }
    assert.deepEqual(await Promise.all([here, there].map(afterOf)), ["pay.paid", "pay.later"])
    await here.api("POST", "/services/charger/events/finished", { data: { kwh: 1 } })
    await statusOf("a-note", (text) => text === "written")
    assert.deepEqual(await Promise.all([here, there].map(executions)), [1, 0])
  })

  it("are called by messages, each by the nodes that name it", async () => {
    await fetch(`${nodeRed.url}/inject/in`, { method: "POST" })
    await nodeRed.notice(
      ({ topic, data }) => topic === "debug" && (data as { id?: string }).id === "seen",
      "what the lamp of the other agent said",
    )
    await nodeRed.deploy([
      ...charging("a", "", ["refused", "paid"]),
      ...ofOther().map((node) => (node.id === "lit" ? { ...node, agent: "" } : node)),
    ])
    await statusOf("lit", (text) => text === "service not known to the agent yet")
  })

  it("know their own by the agent, whatever configuration node leads to it", async () => {
    const mine = charging("a", "", ["refused", "paid"])
    const again = { ...other(), id: "again", name: "There again" }
    await nodeRed.deploy([...mine, again, ...charging("b", "again", ["paid", "refused"])])
    await statusOf("b-event", (text) => text === "in the agent, v2")
    assert.deepEqual(await applications(there), ["charging"])
    // Both lead there: what is drawn for the one is not taken away for the other.
    await nodeRed.deploy([...mine, again, ...ofOther()])
    await statusOf("b-event", (text) => text === "in the agent, v3")
    assert.deepEqual(await applications(there), ["charging"])
  })

  it("have one application of a name each: a second one is refused, under whatever configuration node", async () => {
    const second = [
      { ...other(), id: "again", name: "There again" },
      ...charging("c", "again", ["refused", "paid", "later"]),
    ]
    nodeRed.forget()
    const mine = charging("a", "", ["refused", "paid"])
    await nodeRed.deploy([...mine, ...ofOther(), ...second])
    await statusOf("b-event", (text) => text === "in the agent, v3")
    await statusOf("c-event", (text) => text === "NAME")
    await nodeRed.deploy([...mine, ...ofOther()])
    await statusOf("b-event", (text) => text === "in the agent, v3")
  })

  it("run a service of a flow once, which is called on when its flow names the agent by another node", async () => {
    const again = { ...other(), id: "again", name: "There again" }
    const offering = (id: string, agent: string): FlowNode[] => [
      tab("Offer", id),
      { ...serviceTaskNode(`${id}-task`, "billing", "bill", [`${id}-result`], { agent }), z: id },
      { ...serviceResultNode(`${id}-result`, "billed"), z: id },
    ]
    const call = async () => {
      const body = { inputs: { euros: 1 } }
      const answer = await there.api("POST", "/services/billing/tasks/bill", body, { prefer: "wait=20" })
      return ((await answer.json()) as { status: string }).status
    }
    const kept = [...charging("a", "", ["refused", "paid"]), ...ofOther(), again]
    await nodeRed.deploy([...kept, ...offering("s", "there")])
    await statusOf("s-task", (text) => text === "registered")
    await nodeRed.deploy([...kept, ...offering("n", "again")])
    await statusOf("n-task", (text) => text === "registered")
    assert.equal(await call(), "billed")
    nodeRed.forget()
    await nodeRed.deploy([...kept, ...offering("n", "again"), ...offering("t", "there")])
    await statusOf("n-task", (text) => text === "registered")
    await statusOf("t-task", (text) => text === "NAME")
    assert.equal(await call(), "billed")
    await nodeRed.deploy(kept)
    const ids = async () => (await there.json<{ items: { id: string }[] }>("service", "list")).items.map(({ id }) => id)
    await until(async () => !(await ids()).includes("billing"), 30_000, "its end")
  })

  it("are told each by itself: what the one refuses to remove stays, what the other has goes", async () => {
    const reader = await there.json<{ token: string }>("token", "create", "--scope", "read")
    const blind = { ...other(), credentials: { token: reader.token } }
    await nodeRed.deploy([blind, tab()])
    await until(async () => (await applications(here)).length === 0, 30_000, "the end of the one of this machine")
    await until(
      () => nodeRed.output().includes("charging: this token has scope read, but application.remove needs deploy"),
      30_000,
      "why the other one stays",
    )
    assert.deepEqual(await applications(there), ["charging"])
    await nodeRed.deploy([...charging("a", "", ["refused", "paid"]), ...ofOther()])
    await until(async () => (await applications(here)).length === 1, 30_000, "the one of this machine")
  })

  it("are one agent again: what only the other one had is marked while it is used, then gone; what each runs goes on", async () => {
    const mine = charging("a", "", ["refused", "paid"])
    const used = taskNode("lit", "mesg:lamp.pay", ["paid", "refused"], {}, { with: AMOUNT })
    await nodeRed.deploy([...mine, tab("Inline"), used])
    await until(async () => (await service("lamp"))?.removed === true, 30_000, "the mark")
    assert.equal((await service("charger"))!.byAgent, undefined)
    await nodeRed.deploy(mine)
    await until(async () => (await service("lamp")) === undefined, 30_000, "its end")
    await nodeRed.deploy([tab()])
    await until(async () => (await applications(here)).length === 0, 30_000, "the end of the one of this machine")
    assert.deepEqual(await applications(there), ["charging"])
    assert.equal(nodeRed.output().match(/"charging" is removed/g)?.length, 2, "in place of the other's none is removed")
  })
})
