import assert from "node:assert/strict"
import { type ChildProcess, execFileSync, fork } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Manifest } from "../../agent/schema/manifest.ts"
import { compileFlow } from "../../nodered-nodes/src/flow/compile.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { type FlowNode, type NodeRed, type Notice, startNodeRed } from "../support/node-red.ts"
import { tab } from "../support/node-red-flow.ts"
import { ROOT } from "../support/sources.ts"
import { until } from "../support/until.ts"

interface Execution {
  readonly id: string
  readonly status: string
  readonly tasks: Readonly<Record<string, { readonly status: string | null }>>
}

const FOLDER = join(ROOT, "nodered-nodes/examples")
const CAR = join(ROOT, "docs/examples/electric-car")
const WAIT_MS = 60_000

const read = (number: number) => {
  const [file] = readdirSync(FOLDER).filter((name) => name.startsWith(`${number} `))
  return JSON.parse(readFileSync(join(FOLDER, file!), "utf8")) as FlowNode[]
}

describe("the examples of the package for Node-RED", function () {
  this.timeout(240_000)
  let agent: TestAgent
  let nodeRed: NodeRed
  let charger: ChildProcess
  before(async () => {
    agent = await startAgent()
    charger = fork(join(CAR, "charger.ts"), [agent.home], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
    assert.deepEqual(await once(charger, "message"), [{ ready: true }, undefined])
    await agent.json("app", "deploy", join(CAR, "app.yml"))
    nodeRed = await startNodeRed({ env: { MESG_HOME: agent.home } })
    await nodeRed.notice(({ topic }) => topic === "mesg/palette", "the palette")
  })
  beforeEach(() => nodeRed.forget())
  after(async () => {
    charger?.kill()
    await nodeRed?.kill()
    await agent?.stop()
    agent?.clean()
  })

  const compiled = async (number: number) => {
    const { items } = await agent.json<{ items: { id: string }[] }>("service", "list")
    const shown = items.map(({ id }) => agent.json<{ manifest: Manifest }>("service", "show", id))
    const manifests = new Map((await Promise.all(shown)).map(({ manifest }) => [manifest.id as string, manifest]))
    return compileFlow(read(number), { manifest: (id) => manifests.get(id), application: () => undefined })
  }
  /** Deploys an example that becomes an application. @returns its name, once it is in the agent */
  const deploy = async (number: number) => {
    const { applications, inline } = await compiled(number)
    assert.deepEqual(inline, [])
    assert.deepEqual(
      applications.map(({ faults }) => faults),
      [[]],
    )
    await nodeRed.deploy(read(number))
    const isThere = ({ topic, data }: Notice) =>
      topic === "status/e1" && /v\d+$/.test((data as { text?: string }).text ?? "")
    await nodeRed.notice(isThere, "the application")
    return applications[0]!.name
  }
  const deployInline = async (number: number) => {
    const { applications, inline } = await compiled(number)
    assert.deepEqual([applications.length, inline.length], [0, 1])
    await nodeRed.deploy(read(number))
  }
  const inject = async () => {
    const response = await fetch(`${nodeRed.url}/inject/i1`, { method: "POST" })
    assert.equal(response.status, 200)
  }
  const shown = async () => {
    const { data } = await nodeRed.notice(({ topic }) => topic === "debug", "the message")
    return JSON.parse((data as { msg: string }).msg) as { status: string; payload: Record<string, unknown> }
  }
  const ended = async (app: string, event: () => Promise<void> | void) => {
    const list = async (...more: string[]) =>
      (await agent.json<{ items: Execution[] }>("execution", "list", "--app", app, ...more)).items
    assert.deepEqual(await list(), [])
    await event()
    const completed = () => list("--status", "completed")
    await until(async () => (await completed()).length > 0, WAIT_MS, "the end of an execution")
    const [{ tasks }] = (await completed()) as [Execution]
    return Object.fromEntries(Object.entries(tasks).map(([name, { status }]) => [name, status]))
  }
  const publish = (topic: string, text: string) => {
    const { host, port } = agent.mqtt
    execFileSync("mosquitto_pub", ["-h", host, "-p", String(port), "-q", "1", "-t", topic, "-m", text])
  }

  it("are six", () => {
    assert.equal(readdirSync(FOLDER).length, 6)
  })

  it("1 logs every message", async () => {
    const app = await deploy(1)
    assert.deepEqual(await ended(app, () => publish("garden/soil", "dry")), { note: "written" })
    await until(() => agent.output().includes("garden/soil: dry"), WAIT_MS, "the line in the log")
  })

  it("2 waits for a second message in the same topic", async () => {
    const app = await deploy(2)
    const tasks = await ended(app, () => {
      publish("door", "open")
      publish("window", "open")
      publish("door", "shut")
    })
    // Each message is the first of an execution of its own; of the door's two, the first has found its second.
    assert.deepEqual(tasks, { first: "written", second: "written", alone: null })
  })

  it("3 calls a task for a message of an ordinary flow", async () => {
    await deployInline(3)
    await inject()
    assert.equal((await shown()).status, "written")
  })

  it("4 starts an application and goes on with its output", async () => {
    await deployInline(4)
    await inject()
    const { status, payload } = await shown()
    assert.equal(status, "done")
    assert.equal(payload["car"], "c-1")
    assert.match(String(payload["receipt"]), /^acme-power\//)
  })

  it("5 pays for a charge and tells the driver, or says why not", async () => {
    const app = await deploy(5)
    const charge = (kwh: number) =>
      publish("mesg/v1/charger/event/charge-finished", JSON.stringify({ car: "c-1", kwh, price: 0.3 }))
    assert.deepEqual(await ended(app, () => charge(10)), { pay: "paid", tell: "published", note: null })
    charge(900)
    await until(() => /c-1 is not paid: 270 is more than the credit/.test(agent.output()), WAIT_MS, "the refusal")
  })

  it("6 offers a service that greets", async () => {
    await deployInline(6)
    const isThere = ({ topic, data }: Notice) =>
      topic === "status/s1" && (data as { text?: string }).text === "registered"
    await nodeRed.notice(isThere, "the service")
    const inputs = JSON.stringify({ who: "you" })
    const called = await agent.json<{ status: string; data: unknown }>(
      ...["service", "call", "greeter", "greet", "--inputs", inputs, "--wait", "20"],
    )
    assert.deepEqual([called.status, called.data], ["greeted", { text: "Hello, you" }])
  })

  it("end with their flow", async () => {
    await nodeRed.deploy([tab()])
    const names = async () => (await agent.json<{ items: { name: string }[] }>("app", "list")).items
    await until(async () => (await names()).map(({ name }) => name).join() === "ev-charging", WAIT_MS, "the removal")
  })
})
