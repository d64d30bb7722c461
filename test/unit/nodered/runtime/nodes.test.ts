import assert from "node:assert/strict"
import { EventEmitter, on, once } from "node:events"
import { createRequire } from "node:module"
import { join } from "node:path"
import { NODE_RED_VERSIONS, type FlowNode, nodeRedPackage } from "../../../support/node-red.ts"
import { eventNode, serviceResultNode, tab, taskNode } from "../../../support/node-red-flow.ts"
import { npmCache } from "../../../support/npm-cache.ts"
import { tempDir } from "../../../support/temp-dir.ts"

/*
 * Single nodes, by the helper of Node-RED's own authors: a runtime without an editor, in this process, in which what a
 * node calls is heard. What needs an agent, an editor, Catch nodes or a restart is run in a real Node-RED elsewhere.
 */

/** A node that runs. Of each of its calls it tells `call:<method>`. */
interface Running extends EventEmitter {
  receive(message: object): void
}

/** What is used of node-red-node-test-helper, which brings no types. */
interface Helper {
  init(nodeRed: string, settings: object): void
  startServer(done: () => void): void
  stopServer(done: () => void): void
  load(nodes: unknown, flow: readonly FlowNode[]): Promise<void>
  unload(): Promise<void>
  getNode(id: string): Running
}

const VERSION = "5.0.7"

describe("a node by itself", function () {
  this.timeout(120_000)
  let helper: Helper
  let nodes: unknown
  const home = process.env["MESG_HOME"]
  before(async () => {
    // There is no agent: none is asked, and none of this machine is found by chance.
    process.env["MESG_HOME"] = tempDir("no-agent")
    const tool = npmCache("node-red-test-helper", ["node-red-node-test-helper@0.3.6"])
    const load = createRequire(join(tool, "package.json"))
    helper = load("node-red-node-test-helper") as Helper
    nodes = load(join(await nodeRedPackage(), "mesg.js"))
    const nodeRed = npmCache(NODE_RED_VERSIONS[VERSION], [`node-red@${VERSION}`])
    helper.init(join(nodeRed, "node_modules/node-red/lib/red.js"), { userDir: tempDir("node-red-helper") })
    await new Promise<void>((resolve) => helper.startServer(resolve))
  })
  afterEach(() => helper.unload())
  after(async () => {
    await new Promise<void>((resolve) => helper.stopServer(resolve))
    if (home === undefined) delete process.env["MESG_HOME"]
    else process.env["MESG_HOME"] = home
  })

  const seen = { id: "seen", type: "helper", z: "tab" }
  const wait = (timeout: string): FlowNode => {
    const awaited = { service: "car", event: "unplugged", where: "", join: "auto", timeout }
    return {
      id: "wait",
      type: "mesg-wait",
      z: "tab",
      x: 1,
      y: 1,
      name: "",
      agent: "",
      ...awaited,
      wires: [[], ["seen"]],
    }
  }

  /** The first argument of the first call of a method that is this. */
  async function called(node: Running, method: string, is: (value: unknown) => boolean): Promise<unknown> {
    for await (const [call] of on(node, `call:${method}`) as AsyncIterable<[{ readonly firstArg: unknown }]>) {
      if (is(call.firstArg)) return call.firstArg
    }
    return undefined
  }

  it("lets a message out of a wait when its time is over, with the status", async () => {
    await helper.load(nodes, [tab(), wait("10ms"), seen])
    const passed = once(helper.getNode("seen"), "input")
    helper.getNode("wait").receive({ payload: 1, topic: "kept" })
    const [{ status, payload, topic }] = (await passed) as [Record<string, unknown>]
    assert.deepEqual({ status, payload, topic }, { status: "timed-out", payload: 1, topic: "kept" })
  })

  it("shows how many messages wait, and nothing when none does", async () => {
    await helper.load(nodes, [tab(), wait("30ms"), seen])
    const node = helper.getNode("wait")
    const shown = called(node, "status", (status) => (status as { text?: string }).text === "mesg.status.waiting")
    node.receive({ payload: 1 })
    assert.deepEqual(await shown, { fill: "yellow", shape: "ring", text: "mesg.status.waiting" })
    await called(node, "status", (status) => Object.keys(status as object).length === 0)
  })

  it("refuses a result that is about no call, with a code", async () => {
    await helper.load(nodes, [tab(), serviceResultNode("r", "done")])
    const node = helper.getNode("r")
    const refused = called(node, "error", () => true)
    node.receive({ payload: 1 })
    assert.equal(((await refused) as { code?: string }).code, "CALL_NONE")
  })

  it("says by its name which input cannot be made", async () => {
    const bad = { with: { amount: { type: "jsonata", value: "$sum(" } }, service: "charger", task: "pay" }
    await helper.load(nodes, [tab(), taskNode("t", "mesg-task", ["paid"], {}, bad)])
    const node = helper.getNode("t")
    const refused = called(node, "error", () => true)
    node.receive({ payload: 1 })
    assert.match(String(await refused), /amount: /)
  })

  it("refuses a time that is none", async () => {
    await helper.load(nodes, [tab(), wait("later"), seen])
    const node = helper.getNode("wait")
    const refused = called(node, "error", () => true)
    node.receive({ payload: 1 })
    assert.match(String(await refused), /mesg[.]validation[.]duration/)
  })

  it("ends with its flow while messages wait in it", async () => {
    await helper.load(nodes, [tab(), wait(""), seen, eventNode("e", "mesg-event", ["wait"])])
    const node = helper.getNode("wait")
    const shown = called(node, "status", (status) => (status as { text?: string }).text === "mesg.status.waiting")
    node.receive({ payload: 1 })
    await shown
    const closed = once(node, "close")
    await helper.unload()
    await closed
  })
})
