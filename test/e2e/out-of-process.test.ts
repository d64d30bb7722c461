import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { generateKeyPairSync, sign } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt, { type MqttClient } from "mqtt"
import { canonicalJson } from "../../agent/base/canonical.ts"
import { sha256 } from "../../agent/base/hash.ts"
import { type Language, newService } from "../../agent/io/service-host/author/new-service.ts"
import { type RemoteServiceHandle, remoteService } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { startBroker, stopBroker } from "../support/mqtt-broker.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

/** A program that is a service, as its author starts it. */
class Program {
  output = ""
  readonly #child: ChildProcess

  constructor(file: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(file, [...args], { env: { ...process.env, ...env }, detached: true })
    const keep = (part: Buffer) => {
      this.output += String(part)
    }
    this.#child.stdout?.on("data", keep)
    this.#child.stderr?.on("data", keep)
  }

  async end(): Promise<void> {
    const { pid, exitCode } = this.#child
    if (pid === undefined || exitCode !== null) return
    process.kill(-pid, "SIGKILL")
    await once(this.#child, "exit")
  }
}

/** Who asks for tasks, with a key of his own. */
class TestCore {
  readonly #pair = generateKeyPairSync("ed25519")
  readonly key = Buffer.from(this.#pair.publicKey.export({ format: "jwk" }).x!, "base64url").toString("hex")

  request(execution: string, from = this.key): string {
    const message = {
      execution,
      task: "convert",
      inputs: { celsius: 1 },
      deadline: new Date(Date.now() + 60_000).toISOString(),
      from,
      chain: "00".repeat(32),
    }
    const digest = sha256(Buffer.from(canonicalJson(message)))
    const signed = Buffer.concat([Buffer.from("mesg/v1/service\0"), Buffer.alloc(32), digest])
    return JSON.stringify({ ...message, sig: sign(null, signed, this.#pair.privateKey).toString("hex") })
  }
}

interface Called {
  readonly status: string
  readonly data: Record<string, unknown>
}

describe("a service in a program of its own", function () {
  this.timeout(60_000)
  let agent: TestAgent
  let nodeKey: string
  let port: number
  let client: MqttClient
  const programs: Program[] = []

  before(async () => {
    port = await freePort()
    agent = await startAgent({ sets: [`mqtt.port=${port}`] })
    nodeKey = (JSON.parse(readFileSync(join(agent.home, "run/agent.json"), "utf8")) as { nodeKey: string }).nodeKey
    client = await mqtt.connectAsync(agent.mqtt.url, { protocolVersion: 4 })
  })
  after(async () => {
    await Promise.all(programs.map((program) => program.end()))
    await client?.endAsync(true)
    await agent?.stop()
    agent?.clean()
  })

  const call = async (service: string, task: string, inputs: unknown): Promise<Called> => {
    const response = await agent.api("POST", `/services/${service}/tasks/${task}`, { inputs }, { prefer: "wait=20" })
    const body = await response.text()
    assert.equal(response.status, 200, body)
    return JSON.parse(body) as Called
  }
  const registered = (id: string) =>
    until(async () => (await agent.api("GET", `/services/${id}`)).ok, 20_000, `${id} is registered`)

  /** An application that starts an execution for every such event. */
  async function deployListener(service: string, event: string): Promise<void> {
    const file = join(tempDir("app"), "app.yml")
    const app = {
      name: `on-${service}`,
      workflows: {
        on: { trigger: { service, event }, tasks: { say: { run: "log.write", with: { message: "seen" } } } },
      },
    }
    writeFileSync(file, JSON.stringify(app))
    await agent.json("app", "deploy", file)
  }

  /** The ids of the events that started its executions. */
  async function triggers(service: string): Promise<string[]> {
    const listed = await agent.api("GET", `/executions?app=on-${service}`)
    const { items } = (await listed.json()) as { items: { trigger: { id: string } }[] }
    return items.map((item) => item.trigger.id).sort()
  }

  for (const language of ["python", "shell"] as const satisfies readonly Language[]) {
    describe(`in ${language}`, () => {
      const id = `thermo-${language}`
      let program: Program

      before(async () => {
        const folder = join(tempDir("program"), id)
        await newService(folder, { id, language })
        const file = join(folder, language === "python" ? "service.py" : "service.sh")
        program = new Program(file, [], { MESG_HOME: agent.home })
        programs.push(program)
        await registered(id)
      })

      it("registers its manifest and is told that it is taken", async () => {
        await until(() => program.output.includes("the agent says: ok"), 10_000, "the verdict")
        const response = await agent.api("GET", `/services/${id}`)
        const { kind, tasks } = (await response.json()) as { kind: string; tasks: unknown }
        assert.deepEqual([kind, tasks], ["mqtt", ["convert"]])
      })

      for (const [celsius, expected] of [
        [100, { status: "converted", data: { fahrenheit: 212 } }],
        [-40, { status: "converted", data: { fahrenheit: -40 } }],
        [-12.5, { status: "converted", data: { fahrenheit: 9.5 } }],
      ] as const) {
        it(`answers a signed request with ${JSON.stringify(expected)}`, async () => {
          const { status, data } = await call(id, "convert", { celsius })
          assert.deepEqual({ status, data }, expected)
        })
      }

      it("answers with another status where it must", async () => {
        assert.equal((await call(id, "convert", { celsius: -300 })).status, "impossible")
      })

      it("does nothing for somebody who is not its Core, whatever he claims", async () => {
        // A broker that lets anybody publish requests, as the Core's own does not.
        const core = new TestCore()
        const results: string[] = []
        const { broker, port: open } = await startBroker({
          prepare: (own) => {
            own.subscribe(`mesg/v1/${id}/result/+`, ({ topic }) => void results.push(topic.split("/").at(-1)!))
          },
        })
        const folder = join(tempDir("program"), id)
        await newService(folder, { id, language })
        const home = tempDir("home")
        mkdirSync(join(home, "run"))
        const about = { mqtt: `mqtt://127.0.0.1:${open}`, nodeKey: core.key }
        writeFileSync(join(home, "run/agent.json"), JSON.stringify(about))
        const file = join(folder, language === "python" ? "service.py" : "service.sh")
        const lonely = new Program(file, [], { MESG_HOME: home })
        programs.push(lonely)
        const topic = `mesg/v1/${id}/task/convert`
        const ask = (payload: string) => broker.publish({ topic, payload: Buffer.from(payload), qos: 1, retain: false })
        await until(() => broker.attended(topic, "mesg/"), 20_000, `${id} listens`)
        const stranger = new TestCore()
        await ask(stranger.request("forged"))
        await ask(stranger.request("claimed", core.key))
        await ask("no JSON at all")
        // It serves in order: once it has answered its Core, it has been through those.
        await ask(core.request("true"))
        await until(() => results.length > 0, 20_000, `an answer; it said: ${lonely.output}`)
        assert.deepEqual(results, ["true"])
        assert.equal(lonely.output.split("not signed by our Core").length - 1, 3, lonely.output)
        await stopBroker(broker)
      })

      it("its events start executions, each event once by its id", async () => {
        await deployListener(id, "started")
        for (const event of ["again", "again", "again", "other"]) {
          await client.publishAsync(`mesg/v1/${id}/event/started/${event}`, JSON.stringify({ pid: 7 }), { qos: 1 })
        }
        await until(async () => (await triggers(id)).length >= 2, 5000, "two executions")
        assert.deepEqual(await triggers(id), ["again", "other"])
      })
    })
  }

  describe("in any language", () => {
    it("goes on after the agent was killed and started again, without being told", async () => {
      client.on("error", () => undefined)
      await agent.kill()
      agent = await startAgent({ home: agent.home, sets: [`mqtt.port=${port}`] })
      for (const id of ["thermo-python", "thermo-shell"]) {
        await until(async () => (await call(id, "convert", { celsius: 100 })).status === "converted", 20_000, id)
      }
    })
  })

  describe("under the id of a service that runs on the Core", () => {
    it("is refused, and the manifest of that service stays what it is", async () => {
      const manifest = { id: "timer", name: "Another", version: "9.0.0" }
      const version = async () => (await agent.json<{ version: string }>("service", "show", "timer")).version
      const before = await version()
      const options = { mqtt: agent.mqtt.url, core: nodeKey, signal: AbortSignal.timeout(20_000) }
      await assert.rejects(remoteService(manifest, {}, options), {
        code: "REMOTE_REFUSED",
        message: 'the Core refuses timer: service "timer" runs on this Core',
      })
      await client.publishAsync("mesg/v1/timer/manifest", "", { qos: 1, retain: true })
      assert.equal(await version(), before)
    })
  })

  describe("with the sdk", () => {
    const manifest = {
      id: "thermo-sdk",
      name: "Thermo",
      version: "1.0.0",
      events: { seen: { data: { type: "object", required: ["n"] } } },
      tasks: { slow: { statuses: { done: {} } }, fail: { statuses: { done: {} } } },
    }
    let service: RemoteServiceHandle
    let runs = 0
    before(async () => {
      service = await remoteService(
        manifest,
        {
          tasks: {
            slow: (inputs: { n: number }) => {
              runs += 1
              return { status: "done", data: { n: inputs.n } }
            },
            fail: () => {
              throw new Error("no")
            },
          },
        },
        { mqtt: agent.mqtt.url, core: nodeKey, signal: AbortSignal.timeout(20_000) },
      )
    })
    after(() => service?.stop())

    it("answers its tasks and tells its errors", async () => {
      const { status, data } = await call("thermo-sdk", "slow", { n: 1 })
      assert.deepEqual([status, data, runs], ["done", { n: 1 }, 1])
      const failed = await call("thermo-sdk", "fail", {})
      assert.deepEqual([failed.status, failed.data["code"]], ["error", "SERVICE_THREW"])
    })

    it("emits events with ids, and is told of data that is no JSON", async () => {
      await deployListener("thermo-sdk", "seen")
      await service.emit("seen", { n: 1 }, { id: "one" })
      await service.emit("seen", { n: 1 }, { id: "one" })
      await service.emit("seen", { n: 2 })
      await until(async () => (await triggers("thermo-sdk")).length >= 2, 5000, "two executions")
      const ids = await triggers("thermo-sdk")
      assert.equal(ids.length, 2)
      assert.ok(ids.includes("one"))
      await assert.rejects(service.emit("seen", { n: Number.NaN }), { code: "REMOTE_EVENT_INVALID" })
      await assert.rejects(service.emit("seen", { n: 1 }, { id: "a/b" }), { code: "REMOTE_EVENT_INVALID" })
    })

    it("is refused with the Core's reasons where its manifest is wrong", async () => {
      const wrong = { ...manifest, id: "thermo-wrong", version: "one" }
      const start = remoteService(
        wrong,
        {},
        { mqtt: agent.mqtt.url, core: nodeKey, signal: AbortSignal.timeout(20_000) },
      )
      await assert.rejects(start, (error: Error & { code: string }) => {
        assert.equal(error.code, "REMOTE_REFUSED")
        assert.match(error.message, /version/)
        return true
      })
    })

    it("gives up on a Core that is not there when it is told to", async () => {
      const start = remoteService(manifest, {}, { mqtt: "mqtt://127.0.0.1:1", signal: AbortSignal.timeout(200) })
      await assert.rejects(start, { code: "REMOTE_UNREACHABLE" })
    })
  })

  it("a confined service is added, called, and comes back by itself after it exited", async () => {
    const folder = serviceFolder(
      {
        id: "confined-probe",
        tasks: { ok: { statuses: { done: {} } }, exit: { statuses: { done: {} }, effect: "effectful" } },
      },
      `export default { tasks: { ok: () => ({ status: "done", data: { pid: process.pid } }), exit: () => process.exit(1) } }`,
    )
    await agent.json("service", "add", folder)
    const first = await call("confined-probe", "ok", {})
    assert.notEqual(first.data["pid"], agent.process.pid)
    const ended = await call("confined-probe", "exit", {})
    assert.deepEqual([ended.status, ended.data["code"]], ["error", "SERVICE_EXITED"])
    let second: Called | undefined
    const again = async () => {
      const response = await agent.api(
        "POST",
        "/services/confined-probe/tasks/ok",
        { inputs: {} },
        { prefer: "wait=5" },
      )
      if (response.status !== 200) return false
      second = (await response.json()) as Called
      return second.status === "done"
    }
    await until(again, 10_000, "the service came back")
    assert.notEqual(second?.data["pid"], first.data["pid"])
  })
})
