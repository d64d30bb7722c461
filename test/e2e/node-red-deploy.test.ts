import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { type FlowNode, type NodeRed, type Notice, startNodeRed } from "../support/node-red.ts"
import { CHARGER, CHARGER_CODE, eventNode, tab, taskNode } from "../support/node-red-flow.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

interface Listed {
  readonly name: string
  readonly version: number
}

interface Execution {
  readonly status: string
  readonly tasks: Readonly<Record<string, { readonly state: string; readonly status: string | null }>>
}

const NAME = "ev-charging"

/** event -> pay -> tell, and what is said of a payment that is refused. @param factor of the price */
function charging(factor: string, more: Readonly<Record<string, unknown>> = {}): FlowNode[] {
  const amount = { type: "jsonata", value: `trigger.data.kwh * ${factor}` }
  return [
    tab(NAME),
    eventNode("ended", "mesg:charger/finished", ["pay"]),
    taskNode(
      "pay",
      "mesg:charger.pay",
      ["paid", "refused"],
      { paid: ["tell"], refused: ["note"] },
      { with: { amount }, ...more },
    ),
    taskNode(
      "tell",
      "mesg:log.write",
      ["written"],
      {},
      { name: "tell", with: { message: { type: "str", value: "paid" } } },
    ),
    taskNode(
      "note",
      "mesg-task",
      ["written"],
      {},
      {
        ...{ service: "log", task: "write", name: "note" },
        with: { message: { type: "str", value: "refused" } },
      },
    ),
  ]
}

describe("flows that are deployed to the agent", function () {
  this.timeout(60_000)
  let agent: TestAgent
  let nodeRed: NodeRed
  before(async function () {
    this.timeout(300_000)
    agent = await startAgent()
    await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
    nodeRed = await startNodeRed({ env: { MESG_HOME: agent.home } })
    await nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
  })
  beforeEach(() => nodeRed.forget())
  after(async () => {
    await nodeRed?.kill()
    await agent?.stop()
    agent?.clean()
  })

  const applications = async () =>
    (await agent.json<{ items: Listed[] }>("app", "list")).items.map(({ name, version }) => `${name} ${version}`)
  const executions = async () => (await agent.json<{ items: Execution[] }>("execution", "list", "--app", NAME)).items
  const status = (node: string, is: (text: string) => boolean) => {
    const isThis = ({ topic, data }: Notice) => topic === `status/${node}` && is((data as { text?: string }).text ?? "")
    return nodeRed.notice(isThis, `the status of ${node}`)
  }
  const publish = (kwh: number) => {
    const { host, port } = agent.mqtt
    const to = ["-h", host, "-p", String(port), "-q", "1", "-t", "mesg/v1/charger/event/finished"]
    execFileSync("mosquitto_pub", [...to, "-m", JSON.stringify({ kwh })])
  }
  const running = () =>
    until(async () => (await executions())[0]?.tasks["pay"]?.state === "started", 10_000, "the payment")

  it("are applications, and each deploy of another flow is another version", async () => {
    await nodeRed.deploy(charging("2"))
    await status("ended", (text) => text.endsWith("v1"))
    await nodeRed.deploy(charging("3"))
    await status("ended", (text) => text.endsWith("v2"))
    assert.deepEqual(await applications(), [`${NAME} 2`])
  })

  it("show on every node what became of an event that mosquitto_pub sent", async () => {
    publish(5)
    await status("tell", (text) => text === "written")
    publish(50)
    await status("pay", (text) => text === "refused")
    await status("note", (text) => text === "written")
  })

  it("stay the same version when Node-RED starts again", async () => {
    await nodeRed.kill()
    nodeRed = await startNodeRed({ userDir: nodeRed.userDir, env: { MESG_HOME: agent.home } })
    await status("ended", (text) => text.endsWith("v2"))
    assert.deepEqual(await applications(), [`${NAME} 2`])
  })

  it("go on and finish when Node-RED is killed", async () => {
    publish(17)
    await running()
    await nodeRed.kill()
    await until(async () => (await executions())[0]?.status === "completed", 20_000, "the end")
    assert.equal((await executions())[0]!.tasks["tell"]!.status, "written")
    nodeRed = await startNodeRed({ userDir: nodeRed.userDir, env: { MESG_HOME: agent.home } })
    await status("ended", (text) => text !== "")
  })

  it("start again and finish after Node-RED and the agent were killed at once", async () => {
    // What a crash interrupts in an effectful task is said on its `error`; the branch that follows it goes on.
    const changes: Record<string, object> = {
      pay: { wires: [["tell"], ["note"], ["note"], [], []] },
      note: { join: "any" },
    }
    const flow = charging("3").map((node) => ({ ...node, ...changes[node.id] }))
    await nodeRed.deploy(flow)
    await status("ended", (text) => text.endsWith("v3"))
    publish(17)
    await running()
    await Promise.all([nodeRed.kill(), agent.kill()])
    agent = await startAgent({ home: agent.home })
    await until(async () => (await executions())[0]?.status === "completed", 20_000, "the end")
    const [{ tasks }] = (await executions()) as [Execution]
    assert.equal(tasks["pay"]!.status, "error")
    assert.equal(tasks["note"]!.status, "written")
    nodeRed = await startNodeRed({ userDir: nodeRed.userDir, env: { MESG_HOME: agent.home } })
    await status("ended", (text) => text !== "")
  })

  it("are refused on the node that breaks a rule, in the words of the command line", async () => {
    const broken = charging("3", { statuses: ["payed", "refused", "error", "timed-out", "cancelled"] })
    await nodeRed.deploy(broken)
    const { data } = await status("pay", (text) => text === "UNKNOWN_STATUS")
    assert.equal((data as { fill: string }).fill, "red")
    const [said] = /UNKNOWN_STATUS: .*/.exec(nodeRed.output())!
    const file = join(tempDir("application"), "app.json")
    const shown = await agent.json<{ document: { workflows: Record<string, { tasks: { tell: object } }> } }>(
      "app",
      "show",
      NAME,
    )
    for (const { tasks } of Object.values(shown.document.workflows)) Object.assign(tasks.tell, { after: "pay.payed" })
    writeFileSync(file, JSON.stringify(shown.document))
    const { stdout } = await agent.cli("app", "validate", file, "--json")
    const { refusals } = JSON.parse(stdout) as { refusals: { rule: string; message: string; remedy: string }[] }
    const { message, remedy } = refusals.find(({ rule }) => rule === "UNKNOWN_STATUS")!
    assert.equal(said, `UNKNOWN_STATUS: ${message}: ${remedy}`)
    assert.deepEqual(await applications(), [`${NAME} 3`], "what was there before goes on")
  })

  it("leave alone an application that was not made here", async () => {
    const application = {
      name: "by-hand",
      workflows: {
        w: {
          trigger: { service: "charger", event: "unplugged" },
          tasks: { note: { run: "log.write", with: { message: "x" } } },
        },
      },
    }
    const answer = await agent.api("PUT", "/applications/by-hand", { application })
    assert.equal(answer.status, 200)
    await nodeRed.deploy(charging("3").map((node) => (node.type === "tab" ? tab("by hand") : node)))
    await status("ended", (text) => text === "NAME")
    await until(async () => (await applications()).join() === "by-hand 1", 5000, "the removal of the other one")
  })

  it("end with their flow: running executions finish, the application is removed", async () => {
    await nodeRed.deploy(charging("3"))
    await status("ended", (text) => /v\d+$/.test(text))
    publish(17)
    await running()
    await nodeRed.deploy([tab()])
    await until(async () => (await applications()).join() === "by-hand 1", 5000, "the removal")
    await until(async () => (await executions())[0]?.status === "completed", 20_000, "the end")
  })

  it("are deployed as soon as an agent that was away is back", async () => {
    await agent.kill()
    await nodeRed.deploy(charging("4"))
    await status("ended", (text) => text === "not deployed" || text === "no agent")
    agent = await startAgent({ home: agent.home })
    await status("ended", (text) => /v\d+$/.test(text))
    assert.equal((await applications()).length, 2)
  })
})
