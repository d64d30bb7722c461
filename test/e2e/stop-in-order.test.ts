import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectAsync, type MqttClient } from "mqtt"
import { HTTP_STOP_TIMEOUT_MS } from "../../agent/base/limits.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"

const ANY = { data: { type: "object" } }
const PUMP = {
  id: "pump",
  name: "Pump",
  version: "1.0.0",
  events: { pressed: ANY },
  tasks: { turn: { statuses: { turned: ANY }, effect: "idempotent", timeoutMs: 20_000 } },
}
const APP = {
  name: "pumping",
  workflows: { w: { trigger: { service: "pump", event: "pressed" }, tasks: { turn: { run: "pump.turn" } } } },
}
/** Takes its time to stop, so that publishers go on while the agent already stops. */
const SLOW = {
  "service.yml": `id: slow
name: Slow
version: 1.0.0
isolation: in-process
tasks: { wait: { statuses: { ok: { data: { type: object } } }, effect: pure } }
`,
  "index.js": `export default {
  stop: () => new Promise((resolve) => setTimeout(resolve, 500)),
  tasks: { wait: () => ({ status: "ok", data: {} }) },
}
`,
}
const PUBLISHERS = 20

describe("stopping in order", () => {
  let folder: string
  let agent: TestAgent
  before(async function () {
    this.timeout(40_000)
    folder = await mkdtemp(join(tmpdir(), "mesg-slow-"))
    for (const [name, text] of Object.entries(SLOW)) writeFileSync(join(folder, name), text)
    agent = await startAgent()
  })
  after(async () => {
    await agent.stop()
    agent.clean()
    await rm(folder, { recursive: true })
  })

  it("answers who waits for a task at once: the execution goes on at the next start", async () => {
    const client = await connectAsync(agent.mqtt.url, { reconnectPeriod: 0 })
    await client.subscribeAsync("mesg/v1/pump/task/#", { qos: 1 })
    const asked = Promise.withResolvers<void>()
    client.once("message", () => asked.resolve())
    await client.publishAsync("mesg/v1/pump/manifest", JSON.stringify(PUMP), { qos: 1, retain: true })
    const waiting = agent.api("POST", "/services/pump/tasks/turn", { inputs: {} }, { prefer: "wait=60" })
    await asked.promise
    const began = performance.now()
    assert.equal(await agent.stop(), 0, agent.output())
    const tookMs = performance.now() - began
    const answer = await waiting
    assert.equal(answer.status, 202)
    assert.ok(tookMs < HTTP_STOP_TIMEOUT_MS / 2, `the stop took ${Math.round(tookMs)} ms`)
    agent = await startAgent({ home: agent.home })
    const { execution } = (await answer.json()) as { execution: string }
    const shown = await agent.json<{ status: string }>("execution", "show", execution.split(".")[0]!)
    assert.equal(shown.status, "running")
  })

  it("loses no event that was acknowledged meanwhile", async function () {
    this.timeout(60_000)
    await agent.json("service", "add", folder, "--trust")
    const client = await connectAsync(agent.mqtt.url, { reconnectPeriod: 0 })
    await client.publishAsync("mesg/v1/pump/manifest", JSON.stringify(PUMP), { qos: 1, retain: true })
    assert.equal((await agent.api("PUT", "/applications/pumping", APP)).status, 200)
    const { begun, acknowledged } = publishOn(client)
    await begun
    assert.equal(await agent.stop(), 0, agent.output())
    const count = await acknowledged
    agent = await startAgent({ home: agent.home })
    const { executions } = await agent.json<{ executions: Record<string, number> }>("status")
    const kept = Object.values(executions).reduce((sum, each) => sum + each, 0)
    assert.equal(kept >= count, true, `${count} events were acknowledged, ${kept} made an execution`)
  })
})

/**
 * Publishes until the broker closes the connection.
 * @returns `begun` when the first event was acknowledged; `acknowledged`, how many were in the end
 */
function publishOn(client: MqttClient): { begun: Promise<void>; acknowledged: Promise<number> } {
  const begun = Promise.withResolvers<void>()
  const acknowledged = Promise.withResolvers<number>()
  let sent = 0
  let count = 0
  const publish = () => {
    client.publish(`mesg/v1/pump/event/pressed/e${sent++}`, "{}", { qos: 1 }, (error) => {
      if (error) return
      count++
      begun.resolve()
      publish()
    })
  }
  client.on("close", () => acknowledged.resolve(count))
  // The connection may be reset: packets are on their way when the broker closes it.
  client.on("error", () => undefined)
  for (let i = 0; i < PUBLISHERS; i++) publish()
  return { begun: begun.promise, acknowledged: acknowledged.promise }
}
