import assert from "node:assert/strict"
import { startAgent, type TestAgent } from "../../../support/agent.ts"
import { type NodeRed, type Notice, startNodeRed } from "../../../support/node-red.ts"
import {
  catchNode,
  CHARGER,
  CHARGER_CODE,
  debugNode,
  eventNode,
  injectNode,
  tab,
  taskNode,
} from "../../../support/node-red-flow.ts"
import { type ResettableProxy, startProxy } from "../../../support/resettable-proxy.ts"
import { serviceFolder } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

describe("a network between Node-RED and its agent that is cut", function () {
  this.timeout(60_000)
  let agent: TestAgent
  let nodeRed: NodeRed
  let proxy: ResettableProxy
  before(async function () {
    this.timeout(300_000)
    agent = await startAgent()
    await agent.json("service", "add", serviceFolder(CHARGER, CHARGER_CODE))
    const { hostname, port } = new URL(agent.http)
    proxy = await startProxy({ host: hostname, port: Number(port) })
    nodeRed = await startNodeRed({ env: { MESG_HOME: tempDir("no-agent-here") } })
  })
  after(async () => {
    await nodeRed?.kill()
    await proxy?.close()
    await agent?.stop()
    agent?.clean()
  })
  beforeEach(() => nodeRed.forget())

  const named = () => {
    const url = `http://127.0.0.1:${proxy.port}`
    return { id: "agent", type: "mesg-agent", name: "", url, credentials: { token: agent.token } }
  }
  const status = (is: (text: string) => boolean) => {
    const isThis = ({ topic, data }: Notice) => topic === "status/e" && is((data as { text?: string }).text ?? "")
    return nodeRed.notice(isThis, "the status")
  }
  const finished = (kwh: number) => agent.api("POST", "/services/charger/events/finished", { data: { kwh } })

  it("loses no event: what came in between is brought", async () => {
    await nodeRed.deploy([
      named(),
      tab(),
      eventNode("e", "mesg-event", ["d"], { agent: "agent", service: "charger", event: "finished" }),
      debugNode("d"),
    ])
    const shown = (kwh: number) =>
      nodeRed.notice(
        ({ data }) => (data as { msg?: string }).msg?.includes(`"kwh":${kwh}`) === true,
        `the event ${kwh}`,
      )
    await nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette, so that it is connected")
    // Also where nothing came before.
    proxy.reset()
    await finished(1)
    await shown(1)
    await status((text) => text === "no agent")
    nodeRed.forget()
    proxy.reset()
    await finished(2)
    await status((text) => text === "no agent")
    await finished(3)
    await shown(2)
    await shown(3)
  })

  it("is shown on the nodes of an application, and what they showed before is shown again", async () => {
    await nodeRed.deploy([
      named(),
      tab("over a network"),
      eventNode("e", "mesg:charger/finished", ["t"], { agent: "agent" }),
      taskNode(
        "t",
        "mesg:log.write",
        ["written"],
        {},
        { agent: "agent", with: { message: { type: "str", value: "x" } } },
      ),
    ])
    await status((text) => text.startsWith("in the agent"))
    await finished(4)
    await status((text) => text === "completed")
    nodeRed.forget()
    proxy.reset()
    await status((text) => text === "no agent")
    nodeRed.forget()
    const { data } = await status((text) => text !== "no agent" && text !== "")
    assert.equal((data as { text: string }).text, "completed")
  })

  it("is not what a refused token is: that is said, with what to do, until there is a right one", async () => {
    const flows = (token: string) => [
      { ...named(), credentials: { token } },
      tab(),
      eventNode("e", "mesg-event", [], { agent: "agent", service: "charger", event: "finished" }),
      injectNode("in", {}, ["t"]),
      taskNode("t", "mesg:log.write", ["written"], {}, { agent: "agent", withAll: { type: "json", value: "{}" } }),
      catchNode("catch", ["caught"]),
      debugNode("caught"),
    ]
    const reader = await agent.json<{ token: string }>("token", "create", "--scope", "read")
    const words = (why: string) =>
      `the agent http://127.0.0.1:${proxy.port} does not take the token (${why}): ` +
      "make one there with `mesg token create --scope deploy`, put it into the agent node and deploy"
    await nodeRed.deploy(flows("mesg_wrong"))
    const { data } = await status((text) => text === "token refused")
    assert.equal((data as { fill: string }).fill, "red")
    const why = "no such token: send `Authorization: Bearer <token>`; make one with `mesg token create`"
    assert.ok(nodeRed.output().includes(`[mesg-agent:agent] ${words(why)}`))
    const caught = async () => {
      await fetch(`${nodeRed.url}/inject/in`, { method: "POST" })
      const isThis = ({ topic, data: message }: Notice) =>
        topic === "debug" && (message as { id?: string }).id === "caught"
      const notice = (await nodeRed.notice(isThis, "the error")).data as { msg: string }
      return (JSON.parse(notice.msg) as { error: { message: string } }).error.message.replace("Error: ", "")
    }
    assert.equal(await caught(), words("no such token"))
    nodeRed.forget()
    // It may read, and so be connected; it may not call.
    await nodeRed.deploy(flows(reader.token))
    await nodeRed.notice(
      ({ topic, data: shown }) =>
        topic === "status/t" && (shown as { text?: string }).text === "in Node-RED: the node inject",
      "why it is not in the agent",
    )
    assert.equal(await caught(), words("this token has scope read, but service.call needs operate"))
  })
})
