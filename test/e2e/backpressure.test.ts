import assert from "node:assert/strict"
import { connectAsync, type MqttClient } from "mqtt"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { scaled } from "../support/scale.ts"
import { serviceFolder } from "../support/service-folder.ts"

const ANY = { data: { type: "object" } }
const MANIFEST = {
  id: "pump",
  name: "Pump",
  version: "1.0.0",
  events: { pressed: ANY },
  tasks: { turn: { statuses: { turned: ANY }, effect: "idempotent", timeoutMs: 20_000, concurrency: 4 } },
}
const APP = {
  name: "pumping",
  workflows: { w: { trigger: { service: "pump", event: "pressed" }, tasks: { turn: { run: "pump.turn" } } } },
}

/** A service behind MQTT that answers every task at once. */
async function pump(url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { clientId: "pump", clean: true })
  client.on("message", (_topic, payload) => {
    const { execution } = JSON.parse(payload.toString()) as { execution: string }
    client.publish(`mesg/v1/pump/result/${execution}`, JSON.stringify({ status: "turned", data: {} }), { qos: 1 })
  })
  await client.subscribeAsync("mesg/v1/pump/task/+", { qos: 1 })
  await client.publishAsync("mesg/v1/pump/manifest", JSON.stringify(MANIFEST), { qos: 1, retain: true })
  return client
}

describe("backpressure", () => {
  let agent: TestAgent
  before(async function () {
    this.timeout(40_000)
    agent = await startAgent({ sets: ["executions.maxActive=4"] })
  })
  after(async () => {
    await agent.stop()
    agent.clean()
  })

  it("answers of a service come through while publishers of events have to wait for it", async function () {
    this.timeout(120_000)
    const count = scaled(1500, 10_000)
    const service = await pump(agent.mqtt.url)
    const deployed = await agent.api("PUT", "/applications/pumping", APP)
    assert.equal(deployed.status < 300, true, await deployed.text())
    const sender = await connectAsync(agent.mqtt.url, { clientId: "sender" })
    const sent = Array.from({ length: count }, (_, i) =>
      sender.publishAsync(`mesg/v1/pump/event/pressed/${i}`, "{}", { qos: 1 }),
    )
    await Promise.all(sent)
    await until(async () => {
      const { executions } = await agent.json<{ executions: Record<string, number> }>("status")
      assert.equal(executions["failed"], 0, "a task ran into its timeout: its answer was held back")
      return executions["completed"] === count
    })
    await sender.endAsync()
    await service.endAsync()
  })
})

async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test()));
}

/** Rings over HTTP; nobody answers the door. */
const BELL = {
  id: "bell",
  name: "Bell",
  version: "1.0.0",
  events: { rung: ANY },
  tasks: { open: { statuses: { opened: ANY }, effect: "effectful", timeoutMs: 60_000 } },
} as const
const BELL_CODE = `export default {
  async start(ctx) {
    await ctx.webhook("bell", async () => {
      await ctx.emit("rung", {})
      return { status: 202 }
    })
  },
  tasks: { open: () => new Promise(() => {}) },
}
`

for (const isolation of ["in-process", "confined"] as const) {
  const trust = isolation === "in-process"
  describe(`a webhook of a service ${trust ? "in the agent" : "of its own process"}, over quota`, () => {
    let agent: TestAgent
    before(async function () {
      this.timeout(40_000)
      agent = await startAgent({ sets: ["executions.maxActive=1"] })
      await agent.json(
        "service",
        "add",
        serviceFolder({ ...BELL, isolation }, BELL_CODE),
        ...(trust ? ["--trust"] : []),
      )
      const workflows = { w: { trigger: { service: "bell", event: "rung" }, tasks: { open: { run: "bell.open" } } } }
      assert.equal((await agent.api("PUT", "/applications/ringing", { name: "ringing", workflows })).status, 200)
    })
    after(async () => {
      await agent.stop()
      agent.clean()
    })

    it("answers 429 with Retry-After at once, and 202 again when there is room", async function () {
      this.timeout(20_000)
      const ring = () => fetch(`${agent.http}/hooks/bell`, { method: "POST", signal: AbortSignal.timeout(5000) })
      assert.equal((await ring()).status, 202)
      const refused = await ring()
      assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "1"])
      assert.equal(((await refused.json()) as { code: string }).code, "OVERLOADED")
      const { items } = await agent.json<{ items: { id: string }[] }>("execution", "list")
      await agent.json("execution", "cancel", items[0]!.id)
      await until(async () => (await ring()).status === 202)
    })
  })
}
