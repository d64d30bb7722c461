import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import mqtt from "mqtt"
import type { ServiceView } from "../../agent/engine/core.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { followStream } from "../support/stream.ts"
import { tgz } from "../support/tar.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const CODE = `export default { tasks: { say: (_, ctx) => ({ status: "done", data: { word: ctx.config.word ?? "none", pid: process.pid } }) } }`
const TASKS = { say: { statuses: { done: {} } } }
/** A packed service. YAML is JSON too. */
const packed = (id: string) =>
  tgz([
    { path: "package/service.yml", content: JSON.stringify({ id, name: id, version: "1.0.0", tasks: TASKS }) },
    { path: "package/index.js", content: CODE },
  ])

describe("a service on its way into the agent and out", function () {
  this.timeout(60_000)
  let agent: TestAgent
  const packages = new Map<string, Uint8Array>()
  const registry = createServer((request, response) => {
    const name = request.url!.slice(1).replace(".tgz", "")
    const bytes = packages.get(name)
    if (bytes === undefined) return void response.writeHead(404).end()
    if (request.url!.endsWith(".tgz")) return void response.end(bytes)
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`
    const dist = { tarball: `/${name}.tgz`, integrity }
    response.end(JSON.stringify({ "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": { dist } } }))
  })
  let address: string
  before(async () => {
    registry.listen(0, "127.0.0.1")
    await once(registry, "listening")
    address = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`
    agent = await startAgent({ sets: [`services.registry=${address}`] })
  })
  after(async () => {
    registry.close()
    await agent?.stop()
    agent?.clean()
  })
  const view = (id: string) => agent.json<ServiceView>("service", "show", id)
  const say = async (id: string) =>
    (await agent.json<{ data: { word: string; pid: number } }>("service", "call", id, "say", "--wait", "10")).data

  const sources: [kind: string, source: (id: string) => string][] = [
    ["a folder", (id) => serviceFolder({ id, tasks: TASKS }, CODE)],
    [
      "a packed file",
      (id) => {
        const file = join(tempDir("packed"), `${id}.tgz`)
        writeFileSync(file, packed(id))
        return file
      },
    ],
    ["npm", (id) => id],
    ["an address", (id) => `${address}${id}.tgz`],
  ]
  for (const [index, [kind, sourceOf]] of sources.entries()) {
    it(`comes from ${kind}, does its task, and leaves nothing`, async () => {
      const id = `thermo-${index}`
      packages.set(id, packed(id))
      const added = await agent.json<ServiceView>("service", "add", sourceOf(id))
      assert.deepEqual([added.id, added.state, added.kind], [id, "running", "confined"])
      assert.equal((await say(id)).word, "none")
      const { code } = await agent.cli("service", "remove", id)
      assert.equal(code, 0)
      assert.deepEqual(
        readdirSync(join(agent.home, "plugins")).filter((name) => name.startsWith(id)),
        [],
      )
      const left = readdirSync(join(agent.home, "run"), { recursive: true }).filter((name) => name !== "unpacked")
      assert.deepEqual(left.sort(), ["agent.json", "token"])
    })
  }

  it("is told of in the stream once more when it is gone", async () => {
    await agent.json("service", "add", serviceFolder({ id: "leaving", tasks: TASKS }, CODE))
    const seen = await followStream(agent, ["service"])
    await agent.cli("service", "remove", "leaving")
    const stopped = () =>
      seen
        .join("")
        .split("\n\n")
        .filter((item) => /"id":"leaving".*"state":"stopped"/.test(item))
    await until(() => stopped().length === 2, 5000, "the news that it stopped, and that it is gone")
    assert.equal((await agent.api("GET", "/services/leaving")).status, 404)
  })

  it("is refused with its reason where there is none, and nothing is installed", async () => {
    const noCode = serviceFolder({ id: "empty" }, "")
    rmSync(join(noCode, "index.ts"))
    const program = serviceFolder({ id: "empty" }, "", { "service.py": "" })
    rmSync(join(program, "index.ts"))
    const refused: [source: string, code: string, says: RegExp][] = [
      ["./nosuch", "SOURCE_NOT_FOUND", /neither a folder nor a file/],
      ["nosuch", "PACKAGE_NOT_FOUND", /npm:nosuch is not there/],
      [`${address}nosuch.tgz`, "PACKAGE_NOT_FOUND", /nothing of this name/],
      [noCode, "SERVICE_CODE_MISSING", /has no code/],
      [program, "SERVICE_CODE_MISSING", /program of its own/],
      [tempDir("empty"), "MANIFEST_MISSING", /there is no service at/],
    ]
    for (const [source, reason, says] of refused) {
      const { code, stderr } = await agent.cli("service", "add", source)
      assert.equal(code, 1)
      assert.match(stderr, says)
      assert.ok(stderr.includes(`(${reason})`), stderr)
    }
    assert.equal((await agent.cli("service", "show", "empty")).code, 1)
  })

  it("is told of a webhook that nobody may use yet, until it has its secret", async () => {
    const configure = (config: unknown) => agent.cli("service", "configure", "http", "--config", JSON.stringify(config))
    const hooks = { open: {}, bell: {} }
    const half = await configure({ hooks, secrets: { bell: "0123456789abcdef" } })
    assert.equal(half.code, 0)
    assert.match(half.stdout, /^state +running$/m)
    assert.match(
      half.stdout,
      /^warning: a webhook has no secret, so nobody may use it \(hook open\)\n {2}→ mesg service configure http --config/m,
    )
    assert.doesNotMatch(half.stdout, /hook bell/)
    assert.match((await agent.cli("service", "show", "http")).stdout, /hook open/)
    const whole = await configure({ secrets: { bell: "0123456789abcdef", open: "fedcba9876543210" } })
    assert.deepEqual([whole.code, /warning/.test(whole.stdout)], [0, false])
  })

  it("waits for its settings, says so, and starts with them; wrong ones change nothing", async () => {
    const config = { word: { type: "string", required: true } }
    const folder = serviceFolder({ id: "talker", config, tasks: TASKS }, CODE)
    const added = await agent.cli("service", "add", folder)
    assert.equal(added.code, 0)
    assert.match(added.stdout, /needs-configuration: settings of talker: word is missing/)
    assert.match(added.stdout, /mesg service configure talker --config/)
    await agent.json("service", "configure", "talker", "--config", '{"word":"hello"}')
    const before = await say("talker")
    assert.equal(before.word, "hello")
    const wrong = await agent.cli("service", "configure", "talker", "--config", '{"word":7}')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /word must be string \(SETTINGS_INVALID\)/)
    assert.deepEqual(await say("talker"), before)
  })

  it("runs in the agent's process only where its manifest asks for it and its owner trusts it", async () => {
    const kinds: Record<string, string> = {}
    for (const isolation of ["in-process", "confined"] as const) {
      for (const trust of [[], ["--trust"]]) {
        const folder = serviceFolder({ id: "tier", isolation, tasks: TASKS }, CODE)
        const { kind } = await agent.json<ServiceView>("service", "add", folder, ...trust)
        kinds[`${isolation} ${trust.join("")}`] = kind
        assert.equal((await say("tier")).pid === agent.process.pid, kind === "in-process")
      }
    }
    assert.deepEqual(kinds, {
      "in-process ": "confined",
      "in-process --trust": "in-process",
      "confined ": "confined",
      "confined --trust": "confined",
    })
  })

  it("that is a program somewhere is offline as soon as it is gone", async () => {
    const client = await mqtt.connectAsync(agent.mqtt.url, { clientId: "lamp-1" })
    const manifest = JSON.stringify({ id: "lamp", name: "Lamp", version: "1.0.0", tasks: TASKS })
    await client.publishAsync("mesg/v1/lamp/manifest", manifest, { qos: 1, retain: true })
    assert.equal((await view("lamp")).state, "running")
    client.stream.destroy()
    await until(async () => (await view("lamp")).state === "offline", 10_000, "offline")
    await client.endAsync(true)
    // Who listens to everything is nobody that does its tasks; who subscribed to them is.
    const watcher = await mqtt.connectAsync(agent.mqtt.url)
    await watcher.subscribeAsync("#", { qos: 1 })
    assert.equal((await view("lamp")).state, "offline")
    await watcher.subscribeAsync("mesg/v1/lamp/task/+", { qos: 1 })
    assert.equal((await view("lamp")).state, "running")
    await watcher.endAsync()
  })

  it("is called under an id that leads to its execution", async () => {
    await agent.json("service", "add", serviceFolder({ id: "callee", tasks: TASKS }, CODE))
    const { execution } = await agent.json<{ execution: string }>("service", "call", "callee", "say", "--wait", "10")
    const shown = await agent.json<{ id: string; status: string }>("execution", "show", execution)
    assert.deepEqual([`${shown.id}.call`, shown.status], [execution, "completed"])
  })

  it("finds the sockets of the agent in agent.json, as they are bound", () => {
    const { bound, mqtt: url } = JSON.parse(readFileSync(join(agent.home, "run", "agent.json"), "utf8")) as {
      bound: Record<string, string | null>
      mqtt: string
    }
    assert.equal(`mqtt://${bound["mqtt"]}`, url)
    assert.match(bound["http"] ?? "", /^127\.0\.0\.1:\d+$/)
    assert.equal(bound["mqttTls"], null)
  })
})
