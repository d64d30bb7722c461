import assert from "node:assert/strict"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import mqtt from "mqtt"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { bundledProgram } from "../support/bundle.ts"
import { serviceFolder, tasksNamed } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const MIB = 1048576
/** The gates of an idle agent and of a confined service. */
const IDLE_MIB_MAX = 80
const CONFINED_MIB_MAX = 50

interface Ended {
  readonly status: string
  readonly data: Record<string, unknown>
}

const residentMib = ({ process }: TestAgent) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process.pid}/status`, "utf8"))![1]) / 1024

async function call(agent: TestAgent, service: string, task: string): Promise<Ended> {
  const answer = await agent.api("POST", `/services/${service}/tasks/${task}`, { inputs: {} }, { prefer: "wait=30" })
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as Ended
}

describe("the bundle", function () {
  this.timeout(60_000)
  let program: string
  let agent: TestAgent
  before(async () => {
    program = bundledProgram()
    agent = await startAgent({ program })
  })
  after(async () => {
    await agent.kill()
    agent.clean()
  })

  it(`takes at most ${IDLE_MIB_MAX} MiB while nothing happens`, () => {
    const mib = residentMib(agent)
    assert.ok(mib <= IDLE_MIB_MAX, `${mib} MiB`)
  })

  it("answers commands, and runs the services that ship", async () => {
    const { items } = await agent.json<{ items: { id: string; state: string }[] }>("service", "list")
    assert.deepEqual(
      items.map(({ id, state }) => `${id} ${state}`).sort(),
      ["file", "http", "log", "mqtt", "shell", "store", "timer"].map((id) => `${id} running`),
    )
  })

  // The sdk that a service imports must be the one of the runner, in the agent and in a child: an error says so.
  const code = `import { pause, TaskError } from "@mesg/sdk"
    const code: string = "NO_ANSWER"
    export default { tasks: {
      fail: async (_, ctx) => { await pause(1, ctx.signal); throw new TaskError(code, "nobody knows") },
      rest: () => ({ status: "done", data: {} }),
    } }`
  for (const [id, isolation] of [
    ["child", "confined"],
    ["inside", "in-process"],
  ] as const) {
    it(`runs a service in TypeScript with the agent's sdk, ${isolation}`, async () => {
      await agent.json(
        "service",
        "add",
        serviceFolder({ id, isolation, tasks: tasksNamed("fail", "rest") }, code),
        "--trust",
      )
      assert.equal((await call(agent, id, "rest")).status, "done")
      assert.equal((await call(agent, id, "fail")).data["code"], "NO_ANSWER")
    })
  }

  it(`gives a confined service at most ${CONFINED_MIB_MAX} MiB of Node`, async () => {
    const { memoryBytes } = await agent.json<{ memoryBytes: number }>("service", "show", "child")
    assert.ok(memoryBytes / MIB <= CONFINED_MIB_MAX, `${memoryBytes / MIB} MiB`)
  })

  it("shows its figures, and what is deployed as a file", async () => {
    const figures = await fetch(`${agent.http}/metrics`, { headers: { authorization: `Bearer ${agent.token}` } })
    assert.match(await figures.text(), /^mesg_process_memory_bytes\{kind="rss"\} \d+/m)
    const application = {
      name: "said",
      workflows: { w: { trigger: { service: "timer", event: "fired" }, tasks: { say: { run: "log.write" } } } },
    }
    const deployed = await agent.api("PUT", "/applications/said", application)
    assert.equal(deployed.status, 200, await deployed.clone().text())
    const { code, stdout, stderr } = await agent.cli("app", "export", "said")
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^name: said$/m)
  })

  it("reaches another broker, and nothing of Node's warns of its address", async () => {
    const own = await startAgent({ program })
    try {
      const config = { brokers: { other: { url: own.mqtt.url, version: "3.1.1" } } }
      await own.json("service", "configure", "mqtt", "--config", JSON.stringify(config))
      await until(() => /"broker":"other","message":"connected"/.test(own.output()), 10_000, "the other broker")
      assert.doesNotMatch(own.output(), /DeprecationWarning/)
    } finally {
      await own.kill()
      own.clean()
    }
  })

  it("has the nodes for a Node-RED that the agent runs, as they are published", () => {
    const nodes = join(dirname(program), "node-red")
    for (const file of ["package.json", "mesg.js", "mesg.html", "host.js"])
      assert.ok(existsSync(join(nodes, file)), file)
  })

  it("compiles what is hot, once it is ready", async () => {
    // The loop is in it: who calls it so seldom is not compiled, and does not take it in.
    const hot = `function add(n) { let sum = 0; for (let i = 0; i < n; i++) sum += i; return sum }
      export default { tasks: { heat: async () => {
        const isTurbofanned = () => (%GetOptimizationStatus(add) & 32) !== 0
        for (let round = 0; round < 5000 && !isTurbofanned(); round++) {
          add(1e5)
          // V8 puts in what its threads have compiled between two turns.
          await new Promise((resolve) => setImmediate(resolve))
        }
        return { status: "done", data: { isTurbofanned: isTurbofanned() } }
      } } }`
    const own = await startAgent({ program, nodeFlags: ["--allow-natives-syntax"] })
    try {
      const folder = serviceFolder({ id: "hot", isolation: "in-process", tasks: tasksNamed("heat") }, "", {
        "index.js": hot,
      })
      rmSync(join(folder, "index.ts"))
      await own.json("service", "add", folder, "--trust")
      assert.deepEqual((await call(own, "hot", "heat")).data, { isTurbofanned: true })
    } finally {
      await own.kill()
      own.clean()
    }
  })

  it("makes a service from a template that passes its own tests", async () => {
    const folder = join(tempDir("bundle"), "new")
    const made = await agent.cli("service", "new", folder)
    assert.equal(made.code, 0, made.stderr)
    const tested = await agent.cli("service", "test", folder)
    assert.match(tested.stdout, /[1-9] passed, 0 failed/)
  })

  it("takes events over WebSocket, evaluates expressions in their thread, and finds all of it after a crash", async () => {
    const application = {
      name: "shout",
      workflows: {
        shout: {
          trigger: { service: "mqtt", event: "message", where: '$uppercase(data.topic) = "A/B"' },
          tasks: { keep: { run: "child.rest" } },
        },
      },
    }
    const put = await agent.api("PUT", "/applications/shout", application)
    assert.ok(put.ok, await put.clone().text())
    const client = await mqtt.connectAsync(`${agent.http.replace("http", "ws")}/mqtt`, {
      username: "owner",
      password: agent.token,
    })
    const ended = async () => {
      const page = (await (await agent.api("GET", "/executions?app=shout")).json()) as { items: { status: string }[] }
      return page.items.map(({ status }) => status)
    }
    await client.publishAsync("a/b", "1", { qos: 1 })
    await client.publishAsync("a/c", "1", { qos: 1 })
    await client.endAsync()
    await until(async () => (await ended()).includes("completed"), 20_000, "its end")
    await agent.kill()
    agent = await startAgent({ program, home: agent.home })
    assert.deepEqual(await ended(), ["completed"])
  })
})
