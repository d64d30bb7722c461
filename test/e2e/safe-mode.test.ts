import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { runMesg, startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder, tasksNamed } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const APPLICATION = {
  name: "first",
  workflows: {
    first: {
      trigger: { service: "mqtt", event: "message", where: 'data.topic = "door/open"' },
      tasks: { rest: { run: "bomb.rest" } },
    },
  },
}

/** The data of a message that starts it. */
const OPEN = JSON.stringify({ broker: "agent", topic: "door/open", payload: "dHJ1ZQ==", qos: 1, retained: false })

interface Execution {
  readonly id: string
  readonly status: string
}

const executionsOf = async (agent: TestAgent) =>
  (await agent.json<{ items: Execution[] }>("execution", "list")).items.map(({ status }) => status)

/** The code that a command is refused with. */
async function refusedWith(agent: TestAgent, ...words: readonly string[]): Promise<string> {
  const { code, stdout } = await agent.cli(...words, "--json")
  assert.equal(code, 1, `${words.join(" ")}: ${stdout}`)
  return (JSON.parse(stdout) as { code: string }).code
}

describe("a service that ends the whole agent as it starts", function () {
  this.timeout(120_000)
  const armed = join(tempDir("bomb"), "armed")
  const code = `import { existsSync } from "node:fs"
    if (existsSync(${JSON.stringify(armed)})) process.exit(7)
    export default { tasks: { rest: () => ({ status: "done", data: {} }) } }`
  const folder = serviceFolder({ id: "bomb", isolation: "in-process", tasks: tasksNamed("rest") }, code)
  let agent: TestAgent

  const publish = () => {
    const { host, port } = agent.mqtt
    const words = ["-h", host, "-p", String(port), "-q", "1", "-t", "door/open", "-m", "true"]
    return promisify(execFile)("mosquitto_pub", words)
  }

  before(async () => {
    agent = await startAgent()
    await agent.json("service", "add", folder, "--trust")
    assert.ok((await agent.api("PUT", "/applications/first", APPLICATION)).ok)
    await publish()
    await until(async () => (await executionsOf(agent)).includes("completed"), 30_000, "the first execution")
    await agent.stop()
    writeFileSync(armed, "")
  })
  after(async () => {
    await agent.kill()
    agent.clean()
  })

  it("lets no agent start", async () => {
    const sets = ["--set", "mqtt.port=0", "--set", "http.port=0"]
    assert.equal((await runMesg(agent.home, ["start", ...sets])).code, 7)
  })

  it("does not keep it from starting in safe mode, where it runs no service and says so", async () => {
    agent = await startAgent({ home: agent.home, safe: true })
    const { items } = await agent.json<{ items: { id: string; state: string }[] }>("service", "list")
    assert.ok(items.some(({ id }) => id === "bomb"))
    assert.deepEqual([...new Set(items.map(({ state }) => state))], ["stopped"])
    const { stdout } = await agent.cli("doctor")
    assert.match(stdout, /safe mode: none of \d+ runs/)
  })

  it("leaves nothing that could begin in safe mode: whoever asks is told, and nothing is taken and lost", async () => {
    assert.equal(await refusedWith(agent, "event", "emit", "mqtt", "message", "--data", OPEN), "SAFE_MODE")
    assert.equal(await refusedWith(agent, "app", "run", "first", "--data", OPEN), "SAFE_MODE")
    const [{ id }] = (await agent.json<{ items: [Execution] }>("execution", "list")).items
    assert.equal(await refusedWith(agent, "execution", "retry", id), "SAFE_MODE")
    const call = await agent.api("POST", "/services/bomb/tasks/rest", { inputs: {} })
    assert.equal(call.status, 503)
    assert.equal(((await call.json()) as { code: string }).code, "SAFE_MODE")
    const hook = await fetch(`${agent.http}/hooks/door`, { method: "POST", body: "{}" })
    assert.equal(hook.status, 503)
    assert.deepEqual(await executionsOf(agent), ["completed"])
  })

  it("is replaced and configured in safe mode without being run", async () => {
    const added = await agent.json<{ state: string }>("service", "add", folder, "--trust")
    assert.equal(added.state, "stopped")
    const configured = await agent.json<{ state: string }>("service", "configure", "bomb", "--config", "{}")
    assert.equal(configured.state, "stopped")
    assert.ok((await agent.api("PUT", "/applications/first", APPLICATION)).ok)
  })

  it("is taken out in safe mode, in which no publisher is told that its message was taken; the next start takes it", async () => {
    const held = assert.rejects(publish())
    await agent.json("service", "remove", "bomb")
    assert.equal(await agent.stop(), 0)
    await held
    agent = await startAgent({ home: agent.home })
    assert.equal((await agent.cli("service", "show", "bomb")).code, 1)
    rmSync(armed)
    await agent.json("service", "add", folder, "--trust")
    await publish()
    await until(async () => (await executionsOf(agent)).length === 2, 30_000, "the next execution")
    await until(async () => (await executionsOf(agent))[0] === "completed", 30_000, "its end")
  })
})
