import assert from "node:assert/strict"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, statSync, watch, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { connectAsync } from "mqtt"
import { readRunFiles } from "../../agent/api/run-files.ts"
import { tempDir } from "../support/temp-dir.ts"

const MAIN = join(import.meta.dirname, "../../agent/main.ts")

interface Run {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

/** The whole agent in a process of its own, and the CLI in another for each command, as people run them. */
describe("the agent through its CLI, its API and MQTT", function () {
  this.timeout(30_000)
  let home: string
  let agent: ChildProcess
  before(async () => {
    home = tempDir("agent")
    agent = spawn(process.execPath, [MAIN, "start", "--home", home, "--set", "mqtt.port=0", "--set", "http.port=0"], {
      stdio: ["ignore", "ignore", "inherit"],
    })
    await ready(home, agent)
  })
  after(async () => {
    if (agent.exitCode !== null) return
    const ended = once(agent, "exit")
    agent.kill("SIGKILL")
    await ended
  })

  const mesg = async (...words: string[]): Promise<Run> => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...words, "--home", home])
      return { exitCode: 0, out: stdout, err: stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { exitCode: code, out: stdout, err: stderr }
    }
  }
  const json = async <Value>(...words: string[]): Promise<Value> => {
    const { exitCode, out, err } = await mesg(...words, "--json")
    assert.equal(exitCode, 0, `${words.join(" ")}: ${out}${err}`)
    return JSON.parse(out) as Value
  }

  it("tells where it is and how to log in, to its owner alone", async () => {
    assert.equal(statSync(join(home, "run/token")).mode & 0o777, 0o600)
    const found = readRunFiles(home)!.agent
    assert.equal(found.pid, agent.pid)
    const status = await json<{ node: string; addresses: unknown }>("status")
    assert.equal(status.node, found.nodeKey)
    assert.deepEqual(status.addresses, { mqtt: found.mqtt, http: found.http, p2p: [] })
  })

  it("sets a key of its configuration and takes it out again, by its CLI and by its API", async () => {
    const listed = () => json<{ items: { key: string; value: unknown; source: string }[] }>("config", "show")
    const name = async () => (await listed()).items.find(({ key }) => key === "name")
    const standard = await name()
    await json("config", "set", "name", "shed")
    assert.deepEqual(await json("config", "unset", "name"), { values: { name: null }, restart: true })
    await json("config", "set", "name", "shed")
    const { agent: found, token } = readRunFiles(home)!
    const answer = await fetch(`${found.http}/api/v1/config`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ values: { name: null } }),
    })
    assert.deepEqual([answer.status, await answer.json()], [200, { values: { name: null }, restart: true }])
    assert.equal(readFileSync(join(home, "config.yml"), "utf8").includes("shed"), false)
    const unknown = await mesg("config", "unset", "nmae")
    assert.deepEqual([unknown.exitCode, /CONFIG_UNKNOWN_KEY/.test(unknown.err)], [1, true])
    assert.deepEqual(await name(), standard)
  })

  it("runs an application that was deployed from a file, and shows its execution", async () => {
    const file = join(home, "app.yml")
    writeFileSync(
      file,
      `name: keep
workflows:
  last:
    trigger: { service: mqtt, event: message }
    tasks:
      keep: { run: store.set, with: { key: last, value: "{{ trigger.data }}" } }
`,
    )
    assert.equal((await mesg("app", "deploy", file)).exitCode, 0)
    const unfit = await mesg("app", "run", "keep", "--data", '{"a":1}')
    assert.deepEqual([unfit.exitCode, /required property 'broker' \(EVENT_DATA_INVALID\)/.test(unfit.err)], [1, true])
    const message = { broker: "agent", topic: "t", payload: "eA==", text: "x", qos: 0, retained: false }
    const { id } = await json<{ id: string }>("app", "run", "keep", "--data", JSON.stringify(message))
    assert.equal((await mesg("execution", "watch", id)).exitCode, 0)
    assert.equal((await mesg("execution", "watch", `ex_${"0".repeat(26)}`)).exitCode, 1)
    const shown = await json<{ status: string; branches: unknown; transitions: unknown[] }>("execution", "show", id)
    assert.equal(shown.status, "completed")
    assert.deepEqual(shown.branches, [{ path: ["keep"], status: "completed", remaining: [] }])
    assert.ok(shown.transitions.length > 0)
  })

  it("names file, line, column, rule and remedy of a refused application", async () => {
    const file = join(home, "bad.yml")
    writeFileSync(
      file,
      `name: bad
workflows:
  w:
    trigger: { service: mqtt, event: message }
    tasks:
      a: { run: store.set }
      b:
        run: nothing.here
        after: a.never
`,
    )
    const { exitCode, err } = await mesg("app", "deploy", file)
    assert.equal(exitCode, 1)
    assert.match(err, /bad\.yml:8:9: UNKNOWN_SERVICE: .+\n {2}\S/)
    assert.match(err, /bad\.yml:9:9: UNKNOWN_STATUS: .+\n {2}\S/)
  })

  it("ends a token's MQTT connection and API access when it is revoked", async () => {
    const created = await json<{ id: string; token: string }>("token", "create", "--service", "lamp")
    const found = readRunFiles(home)!.agent
    const login = { username: "lamp", password: created.token, reconnectPeriod: 0 }
    const client = await connectAsync(found.mqtt!, login)
    await client.subscribeAsync("mesg/v1/lamp/task/+")
    await assert.rejects(client.subscribeAsync("mesg/v1/store/task/+"))
    const closed = new Promise<void>((resolve) => client.once("close", resolve))
    assert.equal((await mesg("token", "revoke", created.id)).exitCode, 0)
    await closed
    await assert.rejects(connectAsync(found.mqtt!, login), /not authorized/i)
    const answer = await fetch(`${found.http}/api/v1/services/lamp/events/x`, {
      method: "POST",
      headers: { authorization: `Bearer ${created.token}` },
    })
    assert.equal(answer.status, 401)
  })

  it("writes a backup that can be checked without an agent", async () => {
    const file = join(home, "copy.mesg")
    const { bytes } = await json<{ bytes: number }>("backup", file)
    assert.equal(statSync(file).size, bytes)
    const other = tempDir("restored")
    const { exitCode } = await mesg("restore", file, "--dry-run", "--home", other)
    assert.equal(exitCode, 0)
  })

  it("stops when it is asked to, and leaves no address behind", async () => {
    const ended = once(agent, "exit")
    assert.equal((await mesg("stop")).exitCode, 0)
    assert.deepEqual(await ended, [0, null])
    assert.ok(!existsSync(join(home, "run/agent.json")) && !existsSync(join(home, "run/token")))
    assert.equal((await mesg("status")).exitCode, 3)
  })
})

/** Resolves once run/agent.json is there, which is written when the agent is ready. */
async function ready(home: string, agent: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  agent.once("exit", (code) => {
    reject(new Error(`the agent ended with ${code} before it was ready`))
  })
  const look = () => {
    if (!existsSync(join(home, "run/agent.json"))) return
    if (readFileSync(join(home, "run/agent.json"), "utf8").endsWith("\n")) resolve()
  }
  const watcher = watch(home, { recursive: true }, look)
  try {
    look()
    await promise
  } finally {
    watcher.close()
  }
}
