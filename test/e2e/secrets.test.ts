import assert from "node:assert/strict"
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { type MqttClient, connectAsync } from "mqtt"
import { emitted, startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { followStream } from "../support/stream.ts"
import { until } from "../support/until.ts"

/** Nothing else in a home looks like these. */
const OF_APPLICATION = "canary-of-the-application-7f3a"
const OF_SERVICE = "canary-of-the-service-91bd"

const ANY = { data: { type: "object" } } as const
const SPY: Partial<ManifestInput> = {
  id: "spy",
  isolation: "in-process",
  config: { key: { type: "string", secret: true } },
  events: { seen: ANY, told: ANY },
  tasks: {
    use: {
      inputs: { type: "object", properties: { key: { type: "string", minLength: 20 } } },
      statuses: { used: ANY },
      effect: "idempotent",
    },
    throw: { statuses: { done: ANY }, effect: "idempotent" },
  },
}
/** Gives back, emits, logs and throws all that it was told; what it proves to have had is its length and its end. */
const SPY_CODE = `
export default { tasks: {
  async use(inputs, ctx) {
    const all = { given: inputs.key, own: ctx.config.key, ["as " + ctx.config.key]: ["x" + inputs.deep?.[1]?.key] }
    ctx.log.warn("told " + inputs.key, { all, own: ctx.config.key })
    await ctx.emit("told", all, { id: "of " + inputs.key })
    return { status: "used", data: { ...all, length: inputs.key.length, end: inputs.key.slice(-4) } }
  },
  throw(inputs, ctx) { throw new Error("cannot log in with " + inputs.key + " and " + ctx.config.key) },
} }`

const APP = {
  name: "keeper",
  config: { key: { type: "string", secret: true }, place: { type: "string" } },
  workflows: {
    w: {
      trigger: { service: "spy", event: "seen" },
      tasks: {
        use: {
          run: "spy.use",
          with: { key: "{{ config.key }}", deep: [1, { key: "{{ config.key }}" }], all: "{{ config }}" },
        },
        fail: { run: "spy.throw", after: "use.used", with: { key: "{{ config.key }}" } },
        after: { run: "spy.use", after: "fail.error", with: { key: "{{ tasks.fail.data.message & '------------' }}" } },
      },
    },
  },
}

describe("secrets, end to end", () => {
  let agent: TestAgent
  let client: MqttClient
  const feed: string[] = []
  let streamed: readonly string[]
  let execution: ExecutionView & { transitions: unknown }

  before(async () => {
    agent = await startAgent({ sets: ["log.level=debug"] })
    client = await connectAsync(agent.mqtt.url)
    client.on("message", (_, payload) => feed.push(payload.toString()))
    await client.subscribeAsync("mesg/v1/feed/#", { qos: 1 })
    await agent.json("service", "add", serviceFolder(SPY, SPY_CODE), "--trust")
    await agent.json("service", "configure", "spy", "--config", JSON.stringify({ key: OF_SERVICE }))
    const settings = join(tempDir("settings"), "settings.json")
    writeFileSync(settings, JSON.stringify({ key: OF_APPLICATION, place: "cellar" }))
    const document = join(tempDir("app"), "app.json")
    writeFileSync(document, JSON.stringify(APP))
    await agent.json("app", "deploy", document, "--config", settings)
    streamed = await followStream(agent, ["event", "execution", "service", "refused", "log"])
    await emitted(agent, "spy", "seen")
    await until(() => feed.some((text) => /"status":"completed"/.test(text)), 10_000, "the execution has ended", 20)
    await until(() => streamed.join("").includes('"status":"completed"'), 10_000, "the stream has told of it", 20)
    const { items } = await agent.json<{ items: ExecutionView[] }>("execution", "list")
    execution = await agent.json("execution", "show", items[0]!.id)
  })

  after(async () => {
    await client?.endAsync()
    await agent?.kill()
    agent?.clean()
  })

  it("reach the service whole, at each place of its inputs, and pass the check of its schema", () => {
    const data = execution.tasks["use"]!.data as { length: number; end: string }
    assert.deepEqual([data.length, data.end], [OF_APPLICATION.length, OF_APPLICATION.slice(-4)])
  })

  it("are recorded as (secret): inputs, results, errors and what is made of those", () => {
    const text = JSON.stringify(execution)
    assert.match(
      text,
      /"kind":"prepared","task":"use","detail":\{"inputs":\{"key":"\(secret\)","deep":\[1,\{"key":"\(secret\)"\}\],"all":\{"key":"\(secret\)","place":"cellar"\}\}\}/,
    )
    const { use, fail } = execution.tasks as Record<string, { data: Record<string, unknown> }>
    assert.equal(use!.data["given"], "(secret)")
    assert.equal(use!.data["own"], "(secret)")
    assert.deepEqual(use!.data["as (secret)"], ["x(secret)"])
    assert.equal(fail!.data["message"], "spy.throw: cannot log in with (secret) and (secret)")
  })

  it("show in no answer of the API or the CLI", async () => {
    const answers = [JSON.stringify(execution)]
    for (const path of [
      "/applications/keeper",
      "/applications",
      "/services/spy",
      "/services",
      "/executions",
      "/logs?limit=1000",
      "/events/refused",
      "/config",
    ]) {
      const answer = await agent.api("GET", path)
      if (path !== "/events/refused") assert.equal(answer.status, 200, path)
      answers.push(await answer.text())
    }
    for (const words of [
      ["execution", "show", execution.id],
      ["app", "export", "keeper"],
      ["service", "show", "spy"],
      ["logs"],
    ]) {
      const { stdout, stderr } = await agent.cli(...words)
      answers.push(stdout, stderr)
    }
    assert.match(answers.join(""), /\(secret\)/)
    assertNoCanary(answers.join("\n"), "answers")
  })

  it("show in no feed, stream or log", () => {
    assert.match(feed.join(""), /\(secret\)/)
    assertNoCanary(feed.join("\n"), "feed over MQTT")
    assert.match(streamed.join(""), /told \(secret\)/)
    assertNoCanary(streamed.join(""), "server-sent events")
    assert.match(agent.output(), /told \(secret\)/)
    assertNoCanary(agent.output(), "log")
  })

  it("lie in clear in no file of the home, after a stop and after another start", async () => {
    await client.endAsync()
    for (const again of [false, true]) {
      if (again) agent = await startAgent({ home: agent.home })
      assert.equal(await agent.stop(), 0)
      const files = filesBelow(agent.home).filter((file) => !file.includes("/plugins/"))
      assert.ok(files.some((file) => file.endsWith("store.mdb")))
      for (const file of files) assertNoCanary(readFileSync(file).toString("latin1"), file)
    }
  })
})

describe("a secret that another home has sealed", () => {
  it("ends the task in error SECRET_LOST, and the agent goes on", async () => {
    const agent = await startAgent()
    const first = agent.home
    await agent.json("service", "add", serviceFolder(SPY, SPY_CODE), "--trust", "--config", '{"key":"whatever-it-is"}')
    const body = { application: APP, config: { key: OF_APPLICATION, place: "cellar" } }
    assert.equal((await agent.api("PUT", "/applications/keeper", body)).status, 200)
    await agent.stop()
    writeFileSync(join(first, "keys", "seal.key"), `${"5a".repeat(32)}\n`)
    const again = await startAgent({ home: first })
    const answer = await again.api("POST", "/applications/keeper:run", { data: {} })
    const { id } = (await answer.json()) as ExecutionView
    const show = () => again.json<ExecutionView>("execution", "show", id)
    await until(async () => (await show()).finished !== null, 10_000, "the execution has ended", 50)
    assert.equal(((await show()).tasks["use"]!.data as { code: string }).code, "SECRET_LOST")
    await again.stop()
    again.clean()
  })
})

function assertNoCanary(text: string, where: string): void {
  for (const canary of [OF_APPLICATION, OF_SERVICE]) {
    const at = text.indexOf(canary)
    assert.equal(at, -1, `${canary} in ${where}: …${text.slice(Math.max(0, at - 80), at + 40)}…`)
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}
