import assert from "node:assert/strict"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { runMesg, startAgent, type TestAgent } from "../support/agent.ts"
import { publishPacket, WireClient } from "../support/mqtt-wire.ts"
import { addProbe, executionsOf } from "../support/probe-service.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const MAIN = resolve(import.meta.dirname, "../../agent/main.ts")
const FREE = ["--set", "mqtt.port=0", "--set", "http.port=0"]

/** What a person sees who starts the agent wrong. */
interface Refusal {
  readonly code: string
  /** Where, and what. */
  readonly says: RegExp
  /** What to do. */
  readonly remedy: RegExp
}

function assertRefused(run: { code: number; stderr: string; stdout: string }, { code, says, remedy }: Refusal): void {
  assert.notEqual(run.code, 0)
  const [first = "", second = ""] = run.stderr.trim().split("\n").slice(-2)
  assert.ok(first.endsWith(`(${code})`), run.stderr)
  assert.match(first, says)
  assert.match(second, remedy)
  assert.doesNotMatch(run.stderr, /\n\s+at /, "a stack trace is no sentence")
}

describe("a command that is given what it cannot use says what, and ends as usage", function () {
  this.timeout(30_000)

  const wrong = [
    { words: ["status"], home: "", code: "HOME_INVALID", says: /--home names no folder/, remedy: /--home/ },
    { words: ["start"], home: MAIN, code: "HOME_INVALID", says: /main\.ts is a file/, remedy: /--home/ },
    { words: ["init"], home: MAIN, code: "HOME_INVALID", says: /main\.ts is a file/, remedy: /--home/ },
    {
      words: ["status"],
      home: tempDir("bad"),
      env: { MESG_URL: "nope" },
      code: "USAGE",
      says: /MESG_URL is "nope"/,
      remedy: /http:\/\//,
    },
  ]
  for (const { words, home, env = {}, ...refusal } of wrong) {
    it(`${words.join(" ")}: ${String(refusal.says)}`, () => {
      const run = spawnSync(process.execPath, [MAIN, ...words, "--home", home], {
        env: { ...process.env, ...env },
        encoding: "utf8",
      })
      assert.equal(run.status, 2)
      assertRefused({ code: 2, stderr: run.stderr, stdout: run.stdout }, refusal)
    })
  }

  it("its output is not written: OUTPUT_UNWRITABLE, and who reads no further is no failure", () => {
    const run = (line: string) => spawnSync("sh", ["-c", line, process.execPath, MAIN], { encoding: "utf8" })
    const full = run('"$0" "$1" --help > /dev/full')
    assert.equal(full.status, 1)
    assert.match(full.stderr, /^mesg: its output was not written: ENOSPC.*\(OUTPUT_UNWRITABLE\)\n$/)
    const read = run('"$0" "$1" completion bash | head -n 1')
    assert.deepEqual([read.status, read.stderr, read.stdout.split("\n").length], [0, "", 2])
  })
})

describe("an agent that is started wrong says what, where and what to do", function () {
  this.timeout(30_000)

  const settings = [
    { set: "mqtt.prot=1", code: "CONFIG_UNKNOWN_KEY", says: /--set: mqtt\.prot/, remedy: /mqtt\.port/ },
    { set: "mqtt.port=abc", code: "CONFIG_INVALID", says: /--set: mqtt\.port.*"abc".*number/, remedy: /Correct/ },
    { set: "http.port=70000", code: "CONFIG_INVALID", says: /http\.port.*65535/, remedy: /Correct/ },
  ]
  for (const { set, ...refusal } of settings)
    it(`--set ${set}: ${refusal.code}`, async () =>
      assertRefused(await runMesg(tempDir("bad"), ["start", "--set", set]), refusal))

  const files = [
    { text: "mqtt:\n  prot: 1\n", code: "CONFIG_UNKNOWN_KEY", says: /config\.yml:2: mqtt\.prot/, remedy: /mqtt\.port/ },
    { text: "store:\n  quotaMb: lots\n", code: "CONFIG_INVALID", says: /config\.yml:2: store\.quotaMb/, remedy: /./ },
  ]
  for (const { text, ...refusal } of files)
    it(`config.yml with ${JSON.stringify(text)}: ${refusal.code}`, async () => {
      const home = tempDir("bad")
      writeFileSync(join(home, "config.yml"), text)
      assertRefused(await runMesg(home, ["start"]), refusal)
    })

  for (const [key, code] of [
    ["mqtt.port", "MQTT_LISTEN_FAILED"],
    ["http.port", "HTTP_LISTEN_FAILED"],
  ] as const)
    it(`${key} in use: ${code}, and the home is free again`, async () => {
      const other = createServer()
      other.listen(0, "127.0.0.1")
      await once(other, "listening")
      const { port } = other.address() as AddressInfo
      const home = tempDir("bad")
      const run = await runMesg(home, ["start", ...FREE, "--set", `${key}=${port}`])
      other.close()
      assertRefused(run, { code, says: new RegExp(`127\\.0\\.0\\.1:${port}`), remedy: /another|free/ })
      const agent = await startAgent({ home })
      assert.equal(await agent.stop(), 0)
    })

  it("a home without permission: CONFIG_UNREADABLE or STORE_NOT_WRITABLE, by the path", function () {
    const home = tempDir("bad")
    // Root may write everywhere: it becomes nobody, who may read the code and not this folder.
    const asRoot = process.getuid?.() === 0
    chmodSync(home, asRoot ? 0o755 : 0o555)
    mkdirSync(join(home, "data"), { mode: 0o500 })
    const command = [process.execPath, MAIN, "start", "--home", home, ...FREE]
    const words = asRoot ? ["setpriv", "--reuid", "65534", "--clear-groups", ...command] : command
    const run = spawnSync(words[0]!, words.slice(1), { encoding: "utf8", timeout: 20_000 })
    chmodSync(home, 0o755)
    assert.equal(run.status, 1, run.stderr)
    assert.match(run.stderr, /\((CONFIG_UNREADABLE|STORE_NOT_WRITABLE|HOME_NOT_WRITABLE)\)/)
    assert.ok(run.stderr.includes(home), run.stderr)
    assert.doesNotMatch(run.stderr, /\n\s+at /)
  })

  it("a home where nothing can be made, as below /proc: STORE_NOT_WRITABLE, at once", async () =>
    assertRefused(await runMesg("/proc/no-home", ["start", ...FREE]), {
      code: "STORE_NOT_WRITABLE",
      says: /\/proc\/no-home/,
      remedy: /--home/,
    }))

  // Whether it is a whole backup is seen only where it is unpacked.
  const packed = join(tempDir("packed"), "home.mesg")
  writeFileSync(packed, gzipSync("a home"))
  const elsewhere: { words: string[]; code: string }[] = [
    { words: ["init"], code: "CONFIG_UNWRITABLE" },
    { words: ["config", "set", "mqtt.port", "1884"], code: "CONFIG_UNWRITABLE" },
    { words: ["restore", packed], code: "RESTORE_FAILED" },
    { words: ["service", "new", "/proc/no-home/service"], code: "FOLDER_UNUSABLE" },
  ]
  for (const { words, code } of elsewhere) {
    it(`mesg ${words.slice(0, 2).join(" ").replace(/\/.*/, "FILE")} where nothing can be made: ${code}, at once`, async () =>
      assertRefused(await runMesg("/proc/no-home", words), { code, says: /\/proc\/no-home/, remedy: /./ }))
  }

  it("a second agent on one home: STORE_IN_USE with the first one's pid, and the first goes on", async () => {
    const agent = await startAgent()
    try {
      const run = await runMesg(agent.home, ["start", ...FREE])
      assertRefused(run, { code: "STORE_IN_USE", says: new RegExp(`pid ${agent.process.pid}`), remedy: /--home/ })
      assert.equal((await agent.api("GET", "/status")).status, 200)
    } finally {
      await agent.stop()
      agent.clean()
    }
  })
})

const FOREVER = "($f := function($n) { $f($n + 1) }; $f(0)) = 1"

function application(name: string, trigger: object, inputs: object = {}): object {
  const seen = { service: "probe", event: "seen", ...trigger }
  return { name, workflows: { seen: { trigger: seen, tasks: { take: { run: "probe.take", with: inputs } } } } }
}

/** An ordinary event goes its whole way. */
let ordinary = 0
async function assertUndisturbed(agent: TestAgent): Promise<void> {
  const id = `ordinary-${++ordinary}`
  const answer = await agent.api("POST", "/services/probe/events/seen", { data: { n: 1 }, id })
  assert.equal(answer.status, 202, await answer.text())
  const done = async () =>
    (await executionsOf(agent, "plain")).some(({ trigger, status }) => trigger.id === id && status === "completed")
  await until(done, 10_000, "an ordinary event's execution")
}

describe("bad input to a running agent is named and disturbs nothing", function () {
  this.timeout(30_000)
  let agent: TestAgent

  before(async () => {
    agent = await startAgent()
    await addProbe(agent)
    assert.ok((await agent.api("PUT", "/applications/plain", application("plain", { where: "data.n = 1" }))).ok)
  })
  beforeEach(() => assertUndisturbed(agent))
  afterEach(() => assertUndisturbed(agent))
  after(async () => {
    assert.equal(await agent.stop(), 0)
    agent.clean()
  })

  const raw = (body: string | Uint8Array, type = "application/json") =>
    fetch(`${agent.http}/api/v1/services/probe/events/seen`, {
      method: "POST",
      headers: { authorization: `Bearer ${agent.token}`, "content-type": type },
      body: typeof body === "string" ? body : new Uint8Array(body),
    })
  const requests: { name: string; status: number; code: string; send: () => Promise<Response> }[] = [
    {
      name: "2 MB",
      status: 413,
      code: "BODY_TOO_LARGE",
      send: () => raw(JSON.stringify({ data: { n: "x".repeat(2 ** 21) } })),
    },
    {
      name: "900 KB of data, below the body's limit and above an event's",
      status: 413,
      code: "EVENT_TOO_LARGE",
      send: () => raw(JSON.stringify({ data: { n: "x".repeat(900_000) } })),
    },
    {
      name: "invalid UTF-8",
      status: 400,
      code: "BODY_NOT_UTF8",
      send: () => raw(Buffer.concat([Buffer.from('{"data":{"n":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')])),
    },
    { name: "no JSON", status: 400, code: "BODY_NOT_JSON", send: () => raw("{") },
    { name: "1e400", status: 400, code: "BODY_VALUE_INVALID", send: () => raw('{"data":{"n":1e400}}') },
    {
      name: "deep JSON",
      status: 400,
      code: "BODY_TOO_DEEP",
      send: () => raw(`{"data":{"n":${"[".repeat(5000)}${"]".repeat(5000)}}}`),
    },
    {
      name: "another content type",
      status: 415,
      code: "CONTENT_TYPE_UNSUPPORTED",
      send: () => raw("<n/>", "text/xml"),
    },
    {
      name: "a huge event id",
      status: 422,
      code: "INPUT_INVALID",
      send: () => raw(JSON.stringify({ data: { n: 1 }, id: "x".repeat(5000) })),
    },
    { name: "data that breaks its schema", status: 422, code: "EVENT_DATA_INVALID", send: () => raw('{"data":{}}') },
    {
      name: "an event nobody declared",
      status: 404,
      code: "UNKNOWN_EVENT",
      send: () => agent.api("POST", "/services/probe/events/unseen", { data: {} }),
    },
  ]
  for (const { name, status, code, send } of requests)
    it(`HTTP, ${name}: ${status} ${code}`, async () => {
      const answer = await send()
      const problem = (await answer.json()) as { code: string; detail?: string; title: string }
      assert.deepEqual([answer.status, problem.code], [status, code], JSON.stringify(problem))
      assert.equal(answer.headers.get("content-type")?.split(";")[0], "application/problem+json")
    })

  const refusedWith = async (code: string) => {
    const page = (await (await agent.api("GET", "/events/refused")).json()) as {
      items: { code: string; reason: string }[]
    }
    return page.items.filter((event) => event.code === code)
  }
  const messages: { name: string; topic: string; payload: string | Uint8Array; code: string; says: RegExp }[] = [
    {
      name: "invalid UTF-8 in the payload",
      topic: "mesg/v1/probe/event/seen",
      payload: Buffer.from([0x22, 0xff, 0x22]),
      code: "EVENT_DATA_INVALID",
      says: /UTF-8/,
    },
    { name: "no JSON", topic: "mesg/v1/probe/event/seen", payload: "{nope", code: "EVENT_DATA_INVALID", says: /JSON/ },
    {
      name: "a number that no double holds",
      topic: "mesg/v1/probe/event/seen",
      payload: '{"n":1e400}',
      code: "EVENT_DATA_INVALID",
      says: /\/n is a number that JSON carries and a double does not/,
    },
    {
      name: "deep JSON",
      topic: "mesg/v1/probe/event/seen",
      payload: `{"n":${"[".repeat(5000)}${"]".repeat(5000)}}`,
      code: "EVENT_DATA_INVALID",
      says: /deep/,
    },
    {
      name: "a huge event id",
      topic: `mesg/v1/probe/event/seen/${"i".repeat(500)}`,
      payload: '{"n":1}',
      code: "EVENT_ID_INVALID",
      says: /128/,
    },
  ]
  for (const { name, topic, payload, code, says } of messages)
    it(`MQTT, ${name}: acknowledged, kept among the refused as ${code}`, async () => {
      const before = (await refusedWith(code)).length
      const client = await WireClient.connected(agent.mqtt.port)
      client.send(publishPacket(topic, payload, { qos: 1, packetId: 7 }))
      const ack = await client.next()
      assert.deepEqual([ack.type, ack.body.readUInt16BE(0)], [4, 7])
      await client.quiet()
      await client.leave()
      const refused = await refusedWith(code)
      assert.equal(refused.length, before + 1)
      assert.match(refused[0]!.reason, says)
    })

  const wrongPackets = [
    { name: "1 MB", packet: publishPacket("mesg/v1/probe/event/seen", Buffer.alloc(2 ** 20, 0x20), { qos: 1 }) },
    { name: "invalid UTF-8 in the topic", packet: publishPacket(Buffer.from([0x61, 0xff, 0x62]), "{}", { qos: 1 }) },
    { name: "a wildcard in the topic", packet: publishPacket("mesg/v1/+/event/seen", "{}", { qos: 1 }) },
  ]
  for (const { name, packet } of wrongPackets)
    it(`MQTT, ${name}: the connection is closed, and only this one`, async () => {
      const other = await WireClient.connected(agent.mqtt.port)
      const client = await WireClient.connected(agent.mqtt.port)
      client.send(packet)
      await client.ended()
      await other.quiet()
      await other.leave()
    })

  it("JSONata that never ends in a where does not match, and holds up no other application", async () => {
    assert.ok((await agent.api("PUT", "/applications/endless", application("endless", { where: FOREVER }))).ok)
    await assertUndisturbed(agent)
    assert.deepEqual(await executionsOf(agent, "endless"), [])
    assert.ok((await agent.api("DELETE", "/applications/endless")).ok)
  })

  it("JSONata that never ends in a with ends its task in error EXPRESSION_FAILED", async () => {
    const endless = application("spinning", { where: "data.n = 2" }, { n: `{{ ${FOREVER} }}` })
    assert.ok((await agent.api("PUT", "/applications/spinning", endless)).ok)
    assert.equal((await agent.api("POST", "/services/probe/events/seen", { data: { n: 2 } })).status, 202)
    const ended = async () => (await executionsOf(agent, "spinning"))[0]?.status === "failed"
    await until(ended, 10_000, "the end of the execution")
    const [execution] = await executionsOf(agent, "spinning")
    assert.equal(execution?.tasks["take"]?.status, "error")
    assert.equal((execution?.tasks["take"]?.data as { code: string } | undefined)?.code, "EXPRESSION_FAILED")
    assert.equal(execution?.tasks["take"]?.attempts, 0)
  })
})
