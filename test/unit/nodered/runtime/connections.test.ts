import assert from "node:assert/strict"
import { Connections } from "../../../../nodered-nodes/src/runtime/agent/connections.ts"
import { AgentStream } from "../../../../nodered-nodes/src/runtime/api/agent-stream.ts"
import { AgentClient } from "../../../../nodered-nodes/src/runtime/api/agent-client.ts"
import type { EventItem } from "../../../../nodered-nodes/src/runtime/api/shapes.ts"
import { startAgent, type TestAgent } from "../../../support/agent.ts"
import { CHARGER, CHARGER_CODE } from "../../../support/node-red-flow.ts"
import { serviceFolder } from "../../../support/service-folder.ts"
import { until } from "../../../support/until.ts"

const WAIT_MS = 30_000

describe("the connections to agents", function () {
  this.timeout(120_000)
  let agent: TestAgent
  before(async () => {
    agent = await startAgent()
    await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
  })
  after(async () => {
    await agent?.stop()
    agent?.clean()
  })

  const finished = (kwh: number) => agent.api("POST", "/services/charger/events/finished", { data: { kwh } })
  const kwhOf = ({ data }: EventItem) => (data as { kwh: number }).kwh
  const address = () => ({ url: agent.http, token: agent.token })

  it("outlast a deploy: what happens while no node is there is told to those that come", async () => {
    const warned: string[] = []
    const connections = new Connections((text) => warned.push(text))
    const before = connections.acquire(address())
    await until(() => before.problem === null, WAIT_MS, "the connection")
    connections.hold()
    connections.release(address())
    const heard: number[] = []
    // Its items come in order: once the execution is heard, the event before it has come.
    const isTold = new Promise<void>((resolve) => before.on("execution", () => resolve()))
    await finished(7)
    await agent.api("POST", "/services/log/tasks/write", { inputs: { message: "x" } })
    await isTold
    const after = connections.acquire(address())
    assert.equal(after, before, "the same one")
    after.on("event", (item) => heard.push(kwhOf(item)))
    assert.deepEqual(heard, [])
    connections.letGo()
    assert.deepEqual(heard, [7])
    await finished(8)
    await until(() => heard.length === 2, WAIT_MS, "the next one")
    assert.deepEqual(heard, [7, 8])
    assert.deepEqual(warned, [])
    await after.stop()
  })

  it("know which agent it is by more than its address", async () => {
    const connections = new Connections(() => {})
    const connection = connections.acquire(address())
    const { node } = await connection.client.status()
    assert.equal(await connection.core(connection.signal), node)
    await connection.stop()
  })

  it("bring each item, whatever a listener makes of the one before, and none of them again", async () => {
    const heard: string[] = []
    const states: (string | null)[] = []
    const { url, token } = address()
    const stream = new AgentStream(new AgentClient(() => ({ url, token })), {
      item: ({ kind, data }) => {
        if (kind !== "event") return
        const kwh = kwhOf(JSON.parse(data) as EventItem)
        heard.push(`kwh ${kwh}`)
        if (kwh === 1) throw new Error("what this listener cannot take")
      },
      reset: () => heard.push("reset"),
      state: (problem) => states.push(problem?.message ?? null),
    })
    stream.start()
    await until(() => heard.length === 1, WAIT_MS, "the beginning")
    for (const kwh of [1, 2, 3]) await finished(kwh)
    await until(() => heard.includes("kwh 3"), WAIT_MS, "the last one")
    await stream.stop()
    assert.deepEqual(heard, ["reset", "kwh 1", "kwh 2", "kwh 3"])
    assert.deepEqual(states, [null, "what this listener cannot take", null])
  })
})
