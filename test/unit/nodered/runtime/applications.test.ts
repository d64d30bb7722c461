import assert from "node:assert/strict"
import { portsOfTarget } from "../../../../nodered-nodes/src/flow/catalogue.ts"
import { AgentConnection } from "../../../../nodered-nodes/src/runtime/agent/connection.ts"
import { Applications } from "../../../../nodered-nodes/src/runtime/palette/applications.ts"
import { startAgent, type TestAgent } from "../../../support/agent.ts"
import { CHARGER, CHARGER_CODE } from "../../../support/node-red-flow.ts"
import { type ResettableProxy, startProxy } from "../../../support/resettable-proxy.ts"
import { serviceFolder } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

const WAIT_MS = 60_000
const BUILT_IN = ["error", "timed-out", "cancelled"]

/** Books what the charger says, and answers in these outputs. */
function booking(name: string, visibility: "public" | "private", ...outputs: readonly string[]) {
  const trigger = { service: "charger", event: "finished" }
  const tasks = { pay: { run: "charger.pay", with: { amount: 1 } } }
  return {
    name,
    description: "Keeps the books",
    visibility,
    workflows: { book: { trigger, tasks } },
    outputs: Object.fromEntries(outputs.map((output) => [output, { from: "pay.paid", schema: { type: "object" } }])),
  }
}

describe("the applications that a flow can call", function () {
  this.timeout(180_000)
  let agents: TestAgent[]
  let proxy: ResettableProxy
  let connections: AgentConnection[]
  let problems: string[]
  let userDir: string
  before(async () => {
    agents = await Promise.all([startAgent(), startAgent()])
    for (const agent of agents) await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
    const { hostname, port } = new URL(agents[0]!.http)
    proxy = await startProxy({ host: hostname, port: Number(port) })
  })
  after(async () => {
    await proxy?.close()
    for (const agent of agents) {
      await agent.stop()
      agent.clean()
    }
  })
  beforeEach(() => {
    connections = []
    problems = []
    userDir = tempDir("node-red-user")
  })
  afterEach(async () => {
    for (const connection of connections) await connection.stop()
  })

  const log = {
    info: () => {},
    warn: (text: string) => problems.push(text),
    error: (text: string) => problems.push(text),
  }
  const make = (max?: number) => new Applications({ log, settings: { userDir } }, max)
  /** @param nodes the `mesg-agent` nodes by id, with the addresses behind them */
  const follow = (applications: Applications, nodes: Readonly<Record<string, number>>) => {
    const addresses = Object.keys(nodes).map((id) => [id, `http://${id}`] as const)
    applications.keepNamed(new Map(addresses))
    for (const [id, address] of addresses) {
      const agent = agents[nodes[id]!]!
      const url = nodes[id] === 0 ? `http://127.0.0.1:${proxy.port}` : agent.http
      const connection = new AgentConnection(
        address,
        () => ({ url, token: agent.token }),
        (text) => problems.push(text),
      )
      connections.push(connection)
      applications.follow(connection)
      connection.start()
    }
  }
  const portsOf = (applications: Applications, name: string, agent: string) =>
    portsOfTarget({ application: name }, agent, {
      manifest: () => undefined,
      application: (one, at) => applications.get(one, at),
    })
  const are = (applications: Applications, agent: string, expected: Readonly<Record<string, readonly string[]>>) => {
    const known = () => {
      const mine = applications.definitions(() => undefined).filter((one) => one.agent === agent)
      return JSON.stringify(mine.map(({ name, statuses }) => [name, Object.keys(statuses)]))
    }
    return until(
      () => known() === JSON.stringify(Object.entries(expected)),
      WAIT_MS,
      `${agent}: ${JSON.stringify(expected)}`,
    )
  }
  const deploy = (agent: number, application: ReturnType<typeof booking>) =>
    agents[agent]!.api("PUT", `/applications/${application.name}`, { application })
  const remove = (agent: number, name: string) => agents[agent]!.api("DELETE", `/applications/${name}`)

  it("are the public ones of each agent, as they are now, with their outputs as ports", async () => {
    await deploy(0, booking("open", "public", "filed", "kept"))
    await deploy(0, booking("closed", "private", "filed"))
    await deploy(1, booking("open", "public", "thrown-away"))
    const applications = make()
    follow(applications, { one: 0, two: 1 })
    await are(applications, "one", { open: ["filed", "kept"] })
    await are(applications, "two", { open: ["thrown-away"] })
    assert.deepEqual(portsOf(applications, "open", "one"), ["filed", "kept", ...BUILT_IN])
    assert.deepEqual(portsOf(applications, "open", "two"), ["thrown-away", ...BUILT_IN])
    assert.deepEqual(portsOf(applications, "closed", "one"), BUILT_IN)

    await deploy(0, booking("open", "public", "kept", "filed"))
    await are(applications, "one", { open: ["kept", "filed"] })
    await deploy(0, booking("another", "public", "done"))
    await are(applications, "one", { another: ["done"], open: ["kept", "filed"] })
    await deploy(0, booking("open", "private", "kept"))
    await are(applications, "one", { another: ["done"] })
    await remove(0, "another")
    await are(applications, "one", {})
    await are(applications, "two", { open: ["thrown-away"] })
    assert.deepEqual(problems, [])
    await remove(0, "open")
    await remove(0, "closed")
    await remove(1, "open")
  })

  it("are called with what their trigger is given", async () => {
    await deploy(0, booking("open", "public", "filed"))
    const applications = make()
    follow(applications, { one: 0 })
    await are(applications, "one", { open: ["filed"] })
    const { manifest } = await agents[0]!.json<{ manifest: never }>("service", "show", "charger")
    const [definition] = applications.definitions((id) => (id === "charger" ? manifest : undefined))
    const { events } = manifest as { events: Record<string, { data: object }> }
    assert.deepEqual(definition, {
      agent: "one",
      name: "open",
      description: "Keeps the books",
      inputs: events["finished"]!.data,
      statuses: { filed: { description: "", data: { type: "object" } } },
    })
    await remove(0, "open")
  })

  it("are known at the next start, before an agent answers, and as they are then once it does", async () => {
    await deploy(0, booking("open", "public", "filed"))
    await deploy(0, booking("gone", "public", "filed"))
    const before = make()
    follow(before, { one: 0, two: 1 })
    await are(before, "one", { gone: ["filed"], open: ["filed"] })
    await Promise.all(connections.splice(0).map((connection) => connection.stop()))

    await deploy(0, booking("open", "public", "kept"))
    await remove(0, "gone")
    const again = make()
    again.keepNamed(new Map([["renamed", "http://one"]]))
    await are(again, "renamed", { gone: ["filed"], open: ["filed"] })
    follow(again, { one: 0 })
    await are(again, "one", { open: ["kept"] })
    await remove(0, "open")
    assert.deepEqual(problems, [])
  })

  it("are forgotten with the last node that names their agent", async () => {
    await deploy(0, booking("open", "public", "filed"))
    const before = make()
    follow(before, { one: 0 })
    await are(before, "one", { open: ["filed"] })
    before.keepNamed(new Map())
    const again = make()
    again.keepNamed(new Map([["one", "http://one"]]))
    await are(again, "one", {})
    await remove(0, "open")
  })

  it("are read on when a network comes back in the middle", async () => {
    const applications = make()
    follow(applications, { one: 0 })
    await until(() => connections[0]!.problem === null, WAIT_MS, "the connection")
    await deploy(0, booking("open", "public", "filed"))
    await are(applications, "one", { open: ["filed"] })
    proxy.reset()
    await deploy(0, booking("open", "public", "kept"))
    await are(applications, "one", { open: ["kept"] })
    await remove(0, "open")
  })

  it("are no more of one agent than are allowed, and who is left out is said", async () => {
    const names = ["a", "b", "c"]
    for (const name of names) await deploy(1, booking(name, "public", "filed"))
    const applications = make(2)
    follow(applications, { two: 1 })
    await until(() => problems.length > 0, WAIT_MS, "the warning")
    const known = applications.definitions(() => undefined).map(({ name }) => name)
    assert.equal(known.length, 2)
    const [left] = names.filter((name) => !known.includes(name))
    assert.deepEqual(problems, [`mesg: 2 applications of an agent can be called; "${left}" is left out`])
    await remove(1, known[0]!)
    await are(applications, "two", { [known[1]!]: ["filed"] })
    await deploy(1, booking(left!, "public", "filed"))
    await are(applications, "two", Object.fromEntries([left!, known[1]!].sort().map((name) => [name, ["filed"]])))
    for (const name of [left!, known[1]!]) await remove(1, name)
  })
})
