import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { type NodeRed, startNodeRed } from "../support/node-red.ts"
import {
  debugNode,
  eventNode,
  injectNode,
  serviceEventNode,
  serviceResultNode,
  serviceTaskNode,
  tab,
  taskNode,
} from "../support/node-red-flow.ts"
import { npmNode } from "../support/npm-node.ts"
import { ROOT } from "../support/sources.ts"

const { engines } = JSON.parse(readFileSync(join(ROOT, "nodered-nodes/package.json"), "utf8")) as {
  engines: { node: string }
}
const OLDEST = `${engines.node.slice(">=".length)}.0`

describe(`Node-RED on Node ${OLDEST}, the oldest that the nodes are for`, function () {
  this.timeout(300_000)
  let agent: TestAgent
  let nodeRed: NodeRed
  before(async () => {
    agent = await startAgent()
    nodeRed = await startNodeRed({ node: npmNode(OLDEST), env: { MESG_HOME: agent.home } })
  })
  after(async () => {
    await nodeRed?.kill()
    await agent?.stop()
    agent?.clean()
  })

  it("offers a service, calls it, and deploys an application", async () => {
    const given = { withAll: { type: "json", value: '{"who":"you"}' } }
    const message = { type: "str", value: "asked" }
    await nodeRed.deploy([
      tab(),
      serviceTaskNode("greet", "greeter", "greet", ["greeted"]),
      serviceResultNode("greeted", "greeted"),
      injectNode("in", {}, ["call"]),
      taskNode(
        "call",
        "mesg-task",
        ["greeted"],
        { greeted: ["seen"] },
        { service: "greeter", task: "greet", ...given },
      ),
      debugNode("seen"),
      eventNode("begin", "mesg-event", ["log"], { service: "greeter", event: "asked" }),
      taskNode("log", "mesg-task", ["written"], {}, { service: "log", task: "write", with: { message } }),
      serviceEventNode("ask", "greeter", "asked"),
    ])
    const text = (data: unknown) => (data as { text?: string } | null)?.text ?? ""
    await nodeRed.notice(({ topic, data }) => topic === "status/greet" && text(data) === "registered", "the service")
    await nodeRed.notice(({ topic, data }) => topic === "status/begin" && text(data).endsWith("v1"), "the application")
    const { status } = await fetch(`${nodeRed.url}/inject/in`, { method: "POST" })
    assert.equal(status, 200)
    const { data } = await nodeRed.notice(
      ({ topic, data: one }) => topic === "debug" && JSON.stringify(one).includes("who"),
      "the call",
    )
    assert.match((data as { msg: string }).msg, /"status":"greeted"/)
  })
})
