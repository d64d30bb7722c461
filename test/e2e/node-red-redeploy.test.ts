import assert from "node:assert/strict"
import { chargerRig } from "../support/charger-rig.ts"
import { startHttpProxy } from "../support/http-proxy.ts"
import type { FlowNode, Notice } from "../support/node-red.ts"
import { debugNode, eventNode, injectNode, tab, taskNode } from "../support/node-red-flow.ts"
import { until } from "../support/until.ts"

const NAME = "one-after-the-other"
const WAIT_MS = 60_000

describe("deploys of Node-RED that follow each other", function () {
  this.timeout(240_000)
  const rig = chargerRig()

  const writing = (message: string, agent: string): FlowNode[] => [
    tab(NAME),
    eventNode("e", "mesg:charger/finished", ["t"], { agent }),
    taskNode("t", "mesg:log.write", ["written"], {}, { agent, with: { message: { type: "str", value: message } } }),
  ]
  const status = (node: string, is: (text: string) => boolean) => {
    const isThis = ({ topic, data }: Notice) => topic === `status/${node}` && is((data as { text?: string }).text ?? "")
    return rig.nodeRed.notice(isThis, `the status of ${node}`)
  }
  const shown = (id: string) => {
    const isThis = ({ topic, data }: Notice) => topic === "debug" && (data as { id?: string }).id === id
    return rig.nodeRed.notice(isThis, `a message at ${id}`)
  }
  const inject = (id: string) => fetch(`${rig.nodeRed.url}/inject/${id}`, { method: "POST" })

  it("leave the last one in the agent, though the one before was under way", async () => {
    const put = Promise.withResolvers<void>()
    const isSecond = Promise.withResolvers<boolean>()
    let puts = 0
    const proxy = await startHttpProxy(rig.agent.http, (method) => {
      if (method !== "PUT" || ++puts > 1) return true
      put.resolve()
      return isSecond.promise
    })
    try {
      const far = {
        id: "far",
        type: "mesg-agent",
        name: "",
        url: proxy.url,
        credentials: { token: rig.agent.token },
      }
      await rig.nodeRed.deploy([far, ...writing("first", "far")])
      await put.promise
      await rig.nodeRed.deploy([far, ...writing("second", "far")])
      rig.nodeRed.forget()
      isSecond.resolve(true)
      await status("e", (text) => text === "in the agent, v2")
      const { document } = await rig.agent.json<{ document: object }>("app", "show", NAME)
      assert.match(JSON.stringify(document), /"second"/)
      // What it is known by was kept over both.
      await rig.nodeRed.deploy([far, ...writing("second", "far")])
      await status("e", (text) => text === "in the agent, v2")
      await rig.nodeRed.deploy([far, tab()])
      await until(
        async () => (await rig.agent.json<{ items: object[] }>("app", "list")).items.length === 0,
        WAIT_MS,
        "its removal",
      )
    } finally {
      proxy.close()
    }
  })

  it("follow wires, though only they changed and no node starts anew", async () => {
    const paying = (to: Readonly<Record<string, readonly string[]>>) => [
      tab(),
      injectNode("in", { amount: 500 }, ["pay"]),
      taskNode("pay", "mesg:charger.pay", ["paid", "refused"], to, {
        with: { amount: { type: "msg", value: "payload.amount" } },
      }),
      debugNode("before"),
      debugNode("after"),
    ]
    await rig.nodeRed.deploy(paying({ refused: ["before"] }))
    await inject("in")
    await shown("before")
    await rig.nodeRed.deploy(paying({ refused: ["after"] }), "nodes")
    await inject("in")
    await shown("after")
  })

  it("say of each which time of a node is none", async () => {
    await rig.nodeRed.deploy([
      tab(),
      eventNode("e", "mesg:charger/finished", ["seen"], { debounce: "soon" }),
      debugNode("seen"),
    ])
    assert.match(rig.nodeRed.output(), /debounce: a duration is like 500ms/)
  })
})
