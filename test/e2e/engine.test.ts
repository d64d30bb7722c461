import assert from "node:assert/strict"
import { once } from "node:events"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { connectAsync } from "mqtt"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { until } from "../support/until.ts"

/** Where tasks of `lab.hold` stand until the test lets them go. */
class Gate {
  url = ""
  readonly held = new Map<string, ServerResponse>()
  /** In the order in which they came. */
  readonly came: string[] = []
  #most = 0
  #server: Server | null = null

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const name = decodeURIComponent(request.url!.slice(1))
      this.came.push(name)
      this.held.set(name, response)
      this.#most = Math.max(this.#most, this.held.size)
      response.once("close", () => {
        if (this.held.get(name) === response) this.held.delete(name)
      })
    })
    this.#server = server
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server!.close()
    this.#server!.closeAllConnections()
    await once(this.#server!, "close")
  }

  holding(...names: readonly string[]): Promise<void> {
    return until(() => names.every((name) => this.held.has(name)), 10_000, `${names.join(", ")} at the gate`, 10)
  }

  open(name: string): void {
    const response = this.held.get(name)
    assert.ok(response, `${name} is at the gate`)
    this.held.delete(name)
    response.end()
  }

  /** Most at once since the last call. */
  most(): number {
    const most = this.#most
    this.#most = this.held.size
    return most
  }
}

const LAB: Partial<ManifestInput> = {
  id: "lab",
  isolation: "in-process",
  config: { gate: { type: "string" }, key: { type: "string", secret: true } },
  events: { seen: { data: {} }, paid: { data: {} } },
  tasks: {
    note: { statuses: { done: {} }, effect: "pure" },
    hold: { statuses: { done: {} }, effect: "idempotent", concurrency: 3, timeoutMs: 60_000 },
    flaky: {
      statuses: { done: {} },
      effect: "idempotent",
      retry: { attempts: 3, backoffMs: 20, factor: 2 },
    },
    fail: { statuses: { done: {} }, effect: "idempotent" },
    whisper: { statuses: { done: {} }, effect: "pure" },
  },
}
const LAB_CODE = `
const tries = new Map()
export default { tasks: {
  note: (inputs) => ({ status: "done", data: inputs }),
  hold: async (inputs, ctx) => {
    await (await fetch(ctx.config.gate + "/" + encodeURIComponent(inputs.name), { signal: ctx.signal })).text()
    return { status: "done", data: inputs }
  },
  flaky: (inputs, ctx) => {
    const n = (tries.get(ctx.execution) ?? 0) + 1
    tries.set(ctx.execution, n)
    if (n < 3) throw new Error("not yet")
    return { status: "done", data: { n } }
  },
  fail: () => { throw new Error("never") },
  whisper: (inputs, ctx) => {
    ctx.log.info("using the key", { key: ctx.config.key })
    return { status: "done", data: { length: ctx.config.key.length } }
  },
} }`

type Tasks = Record<string, object>
const seen = { service: "lab", event: "seen" }

async function install(agent: TestAgent, gate: Gate, key = "0"): Promise<void> {
  await agent.json(
    "service",
    "add",
    serviceFolder(LAB, LAB_CODE),
    "--trust",
    "--config",
    JSON.stringify({ gate: gate.url, key }),
  )
}

async function deploy(
  agent: TestAgent,
  name: string,
  tasks: Tasks,
  more: { trigger?: object; [key: string]: unknown } = {},
): Promise<void> {
  const { trigger = {}, ...rest } = more
  const where = `data.app = "${name}"`
  const document = { name, workflows: { main: { trigger: { ...seen, where, ...trigger }, tasks } }, ...rest }
  const answer = await agent.api("PUT", `/applications/${name}`, document)
  assert.ok(answer.ok, await answer.text())
}

async function emit(agent: TestAgent, app: string, data: object = {}, event = "seen"): Promise<void> {
  const answer = await agent.api("POST", `/services/lab/events/${event}`, { data: { app, ...data } })
  assert.equal(answer.status, 202, await answer.text())
}

/** Oldest first. */
async function executionsOf(agent: TestAgent, app: string, query = ""): Promise<ExecutionView[]> {
  const page = (await (await agent.api("GET", `/executions?app=${app}&limit=1000${query}`)).json()) as {
    items: ExecutionView[]
  }
  return page.items.toReversed()
}

async function ended(agent: TestAgent, app: string, count: number): Promise<ExecutionView[]> {
  let all: ExecutionView[] = []
  const done = async () => {
    all = await executionsOf(agent, app)
    return all.length >= count && all.every(({ finished }) => finished !== null)
  }
  await until(done, 20_000, `the end of ${count} executions of ${app}`)
  assert.equal(all.length, count)
  return all
}

const dataOf = (execution: ExecutionView) => execution.trigger.data as Record<string, unknown>

describe("the engine of a running agent", function () {
  this.timeout(60_000)
  const gate = new Gate()
  let agent: TestAgent
  const CANARY = "canary-7f3a91c2-do-not-show"

  before(async () => {
    await gate.start()
    agent = await startAgent()
    await install(agent, gate, CANARY)
  })
  after(async () => {
    await agent?.kill()
    agent?.clean()
    await gate.stop()
  })

  const held = { hold: { run: "lab.hold", with: { name: "{{ trigger.data.name }}" } } }

  it("tells each of many waiting orders of its own payment, in any order", async () => {
    await deploy(agent, "orders", {
      take: { run: "lab.note" },
      settle: {
        run: "lab.note",
        with: { ref: "{{ event.data.ref }}", order: "{{ trigger.data.n }}" },
        after: "take.done",
        wait: { service: "lab", event: "paid", where: "data.n = trigger.data.n", timeout: "1h" },
      },
    })
    const count = 50
    for (let n = 0; n < count; n++) await emit(agent, "orders", { n })
    const waiting = async () => (await executionsOf(agent, "orders", "&status=waiting")).length === count
    await until(waiting, 10_000, "all orders waiting")
    for (let i = 0; i < count; i++)
      await emit(agent, "orders", { n: (i * 7) % count, ref: `pay-${(i * 7) % count}` }, "paid")
    for (const execution of await ended(agent, "orders", count)) {
      const { n } = dataOf(execution)
      assert.deepEqual(execution.tasks["settle"]?.data, { ref: `pay-${n as number}`, order: n })
    }
  })

  it("ends a wait whose event does not come in `timed-out`, which leads on", async () => {
    await deploy(agent, "late", {
      take: { run: "lab.note" },
      answer: {
        run: "lab.note",
        after: "take.done",
        wait: { service: "lab", event: "paid", where: "false", timeout: "500ms" },
      },
      remind: { run: "lab.note", after: "answer.timed-out" },
    })
    await emit(agent, "late")
    const [execution] = await ended(agent, "late", 1)
    assert.equal(execution?.tasks["answer"]?.status, "timed-out")
    assert.equal(execution?.tasks["remind"]?.status, "done")
    assert.equal(execution?.status, "completed")
  })

  it("cancels: the running task ends `cancelled`, what follows that runs, nothing else does", async () => {
    await deploy(agent, "cancelled", {
      ...held,
      next: { run: "lab.note", after: "hold.done" },
      undo: { run: "lab.note", after: "hold.cancelled" },
    })
    await emit(agent, "cancelled", { name: "cancel-me" })
    await gate.holding("cancel-me")
    const [execution] = await executionsOf(agent, "cancelled")
    assert.equal((await agent.api("POST", `/executions/${execution!.id}:cancel`)).status, 202)
    const [after] = await ended(agent, "cancelled", 1)
    assert.equal(after?.status, "cancelled")
    assert.deepEqual(
      ["hold", "undo", "next"].map((task) => after?.tasks[task]?.status),
      ["cancelled", "done", null],
    )
    await until(() => !gate.held.has("cancel-me"), 5000, "the request given up")
    const again = await agent.api("POST", `/executions/${execution!.id}:cancel`)
    assert.equal(again.status, 409)
    assert.equal(((await again.json()) as { code: string }).code, "EXECUTION_ENDED")
  })

  it("tries a failing task again as often as its manifest says, under one id", async () => {
    await deploy(agent, "flaky", { flaky: { run: "lab.flaky" } })
    await emit(agent, "flaky")
    const [execution] = await ended(agent, "flaky", 1)
    assert.deepEqual([execution?.status, execution?.tasks["flaky"]?.attempts], ["completed", 3])
  })

  it("retries a failed execution as a new, linked one", async () => {
    await deploy(agent, "failing", { fail: { run: "lab.fail" } })
    await emit(agent, "failing", { order: 9 })
    const [failed] = await ended(agent, "failing", 1)
    assert.equal(failed?.status, "failed")
    assert.equal((failed!.tasks["fail"]!.data as { code: string }).code, "SERVICE_THREW")
    assert.equal((await agent.api("POST", `/executions/${failed!.id}:retry`)).status, 202)
    const [, retried] = await ended(agent, "failing", 2)
    assert.equal(retried?.retryOf, failed!.id)
    assert.deepEqual(retried?.trigger.data, failed?.trigger.data)
  })

  it("overlap queue: one after the other, in the order of their events; skip: none meanwhile", async () => {
    await deploy(agent, "queued", held, { trigger: { overlap: "queue" } })
    await deploy(agent, "skipped", held, { trigger: { overlap: "skip" } })
    for (const n of [1, 2, 3]) await emit(agent, "queued", { name: `queued-${n}` })
    for (const n of [1, 2]) await emit(agent, "skipped", { name: `skipped-${n}` })
    await gate.holding("queued-1", "skipped-1")
    assert.deepEqual(
      (await executionsOf(agent, "queued")).map(({ status }) => status),
      ["running", "created", "created"],
    )
    for (const n of [1, 2, 3]) {
      await gate.holding(`queued-${n}`)
      assert.deepEqual(
        [...gate.held.keys()].filter((name) => name.startsWith("queued")),
        [`queued-${n}`],
      )
      gate.open(`queued-${n}`)
    }
    gate.open("skipped-1")
    await ended(agent, "queued", 3)
    await ended(agent, "skipped", 1)
  })

  it("debounce and throttle remember over a kill -9", async () => {
    await deploy(agent, "calmed", { take: { run: "lab.note" } }, { trigger: { debounce: "2s" } })
    await deploy(agent, "throttled", { take: { run: "lab.note" } }, { trigger: { throttle: "1h" } })
    for (const n of [1, 2, 3]) {
      await emit(agent, "calmed", { n })
      await emit(agent, "throttled", { n })
    }
    await agent.kill()
    agent = await startAgent({ home: agent.home })
    await emit(agent, "throttled", { n: 4 })
    const [last] = await ended(agent, "calmed", 1)
    assert.equal(dataOf(last!)["n"], 3)
    const [first] = await ended(agent, "throttled", 1)
    assert.equal(dataOf(first!)["n"], 1)
  })

  it("finishes running executions on the version they started with, over a kill -9 too", async () => {
    await deploy(agent, "versions", { ...held, one: { run: "lab.note", after: "hold.done" } })
    await emit(agent, "versions", { name: "old" })
    await gate.holding("old")
    await deploy(agent, "versions", { ...held, two: { run: "lab.note", after: "hold.done" } })
    await emit(agent, "versions", { name: "new" })
    await gate.holding("new")
    await agent.kill()
    agent = await startAgent({ home: agent.home })
    // The holds were interrupted; they are idempotent, and come again under the same id.
    await gate.holding("old", "new")
    gate.open("old")
    gate.open("new")
    const [old, fresh] = await ended(agent, "versions", 2)
    assert.deepEqual([old?.version, old?.tasks["one"]?.status, "two" in old!.tasks], [1, "done", false])
    assert.deepEqual([fresh?.version, fresh?.tasks["two"]?.status, "one" in fresh!.tasks], [2, "done", false])
  })

  it("a paused application takes no trigger, a resumed one does, a removed one finishes what runs", async () => {
    await deploy(agent, "paused", held)
    const act = async (action: string) =>
      assert.equal((await agent.api("POST", `/applications/paused:${action}`)).status, 200)
    await emit(agent, "paused", { name: "before" })
    await act("pause")
    await emit(agent, "paused", { name: "during" })
    await act("resume")
    await emit(agent, "paused", { name: "after" })
    await gate.holding("before", "after")
    assert.ok((await agent.api("DELETE", "/applications/paused")).ok)
    await emit(agent, "paused", { name: "gone" })
    gate.open("before")
    gate.open("after")
    const names = (await ended(agent, "paused", 2)).map((execution) => dataOf(execution)["name"])
    assert.deepEqual(names, ["before", "after"])
    assert.ok(!gate.came.includes("during") && !gate.came.includes("gone"))
  })

  it("a public application is a task: its first output decides, none is NO_OUTPUT", async () => {
    await deploy(
      agent,
      "double",
      {
        work: { run: "lab.note", with: { twice: "{{ trigger.data.n * 2 }}" } },
        more: { run: "lab.fail", after: "work.done" },
      },
      {
        visibility: "public",
        trigger: { where: "false" },
        outputs: {
          doubled: { from: "work.done", data: { value: "{{ tasks.work.data.twice }}" } },
          broken: { from: "more.done" },
        },
      },
    )
    await deploy(
      agent,
      "barren",
      { work: { run: "lab.fail" } },
      { visibility: "public", trigger: { where: "false" }, outputs: { done: { from: "work.done" } } },
    )
    await deploy(agent, "caller", {
      call: { run: "app:double", with: { n: "{{ trigger.data.n }}" } },
      use: { run: "lab.note", with: { got: "{{ tasks.call.data.value }}" }, after: "call.doubled" },
      barren: { run: "app:barren", after: "use.done" },
      explain: { run: "lab.note", with: { code: "{{ tasks.barren.data.code }}" }, after: "barren.error" },
    })
    await emit(agent, "caller", { n: 21 })
    const [execution] = await ended(agent, "caller", 1)
    assert.deepEqual(execution?.tasks["use"]?.data, { got: 42 })
    assert.deepEqual(execution?.tasks["explain"]?.data, { code: "NO_OUTPUT" })
    await ended(agent, "double", 1)
  })

  it("runs no more at once than a task's concurrency, and long tasks do not delay short ones", async () => {
    await deploy(agent, "long", held)
    await deploy(agent, "short", { take: { run: "lab.note" } })
    gate.most()
    for (let n = 0; n < 6; n++) await emit(agent, "long", { name: `long-${n}` })
    await gate.holding("long-0", "long-1", "long-2")
    for (let n = 0; n < 20; n++) await emit(agent, "short")
    await ended(agent, "short", 20)
    assert.equal(gate.most(), 3)
    for (let n = 0; n < 6; n++) {
      await gate.holding(`long-${n}`)
      gate.open(`long-${n}`)
    }
    await ended(agent, "long", 6)
    assert.equal(gate.most(), 3)
  })

  it("publishes events and executions on the feed topics", async () => {
    await deploy(agent, "fed", { take: { run: "lab.note" } })
    const client = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    const heard: { topic: string; body: Record<string, unknown> }[] = []
    client.on("message", (topic, payload) => heard.push({ topic, body: JSON.parse(payload.toString()) as never }))
    await client.subscribeAsync(["mesg/v1/feed/event/lab/seen", "mesg/v1/feed/execution/fed/main"], { qos: 1 })
    await emit(agent, "fed", { n: 1 })
    await until(
      () => heard.some(({ body }) => body["status"] === "completed"),
      10_000,
      "the execution on its feed topic",
    )
    await client.endAsync()
    const event = heard.find(({ topic }) => topic === "mesg/v1/feed/event/lab/seen")
    assert.deepEqual(event?.body["data"], { app: "fed", n: 1 })
    assert.match(String(event?.body["time"]), /^\d{4}-\d\d-\d\dT/)
    const [execution] = await executionsOf(agent, "fed")
    assert.deepEqual(heard.findLast(({ topic }) => topic.startsWith("mesg/v1/feed/execution"))?.body, execution)
  })

  it("a webhook with its secret is an event, a repeat by its id is none, without the secret it is nobody", async () => {
    const hooks = { door: { idHeader: "x-id" } }
    const config = { hooks, secrets: { door: "0123456789abcdef0123" } }
    await agent.json("service", "configure", "http", "--config", JSON.stringify(config))
    await deploy(
      agent,
      "hooked",
      { take: { run: "lab.note", with: { got: "{{ trigger.data.json.n }}" } } },
      { trigger: { service: "http", event: "request", where: 'data.hook = "door"' } },
    )
    const knock = (secret: string) =>
      fetch(`${agent.http}/hooks/door`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-id": "knock-1" },
        body: JSON.stringify({ n: 5 }),
      })
    assert.equal((await knock("wrong")).status, 401)
    assert.equal((await knock(config.secrets.door)).status, 202)
    assert.equal((await knock(config.secrets.door)).status, 202)
    const [execution] = await ended(agent, "hooked", 1)
    assert.deepEqual(execution?.tasks["take"]?.data, { got: 5 })
  })

  it("shows a secret in no file, log, command or answer", async () => {
    await deploy(agent, "whispering", { whisper: { run: "lab.whisper" } })
    await emit(agent, "whispering")
    const [execution] = await ended(agent, "whispering", 1)
    assert.deepEqual(execution?.tasks["whisper"]?.data, { length: CANARY.length })
    const shown = await Promise.all(
      [
        "/services",
        "/services/lab",
        "/executions",
        `/executions/${execution!.id}`,
        "/applications",
        "/logs",
        "/config",
      ].map(async (path) => (await agent.api("GET", path)).text()),
    )
    const { stdout } = await agent.cli("service", "show", "lab")
    for (const text of [...shown, stdout, agent.output()]) assert.ok(!text.includes(CANARY), text.slice(0, 500))
    for (const file of filesUnder(agent.home))
      assert.ok(!readFileSync(file).includes(CANARY), `${file} holds the secret`)
  })
})

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).isFile())
}

describe("an agent at its limits", function () {
  this.timeout(60_000)
  const gate = new Gate()
  let agent: TestAgent

  before(() => gate.start())
  after(() => gate.stop())
  let agents: TestAgent[] = []
  const started = async (options: Parameters<typeof startAgent>[0]): Promise<TestAgent> => {
    const one = await startAgent(options)
    agents.push(one)
    return one
  }
  afterEach(async () => {
    for (const one of agents) await one.kill()
    agents.at(-1)?.clean()
    agents = []
  })

  const held = { hold: { run: "lab.hold", with: { name: "{{ trigger.data.name }}" } } }

  it("answers 429 with Retry-After past executions.maxActive; QoS 1 publishers wait and lose nothing", async () => {
    agent = await started({ sets: ["executions.maxActive=3"] })
    await install(agent, gate)
    await deploy(agent, "full", held)
    for (const name of ["a", "b", "c"]) await emit(agent, "full", { name })
    await gate.holding("a", "b", "c")
    const refused = await agent.api("POST", "/services/lab/events/seen", { data: { app: "full", name: "d" } })
    assert.equal(refused.status, 429)
    assert.equal(((await refused.json()) as { code: string }).code, "OVERLOADED")
    assert.ok(Number(refused.headers.get("retry-after")) >= 1)

    const client = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    let acknowledged = 0
    const published = Array.from({ length: 20 }, async (_, n) => {
      const payload = JSON.stringify({ app: "full", name: `q${n}` })
      await client.publishAsync("mesg/v1/lab/event/seen", payload, { qos: 1 })
      acknowledged++
    })
    // An event that makes no execution is taken meanwhile: proof that the agent has seen what came before it.
    const other = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    await other.publishAsync("mesg/v1/lab/event/paid", "{}", { qos: 1 })
    await other.endAsync()
    assert.equal(acknowledged, 0)
    for (const name of ["a", "b", "c", ...Array.from({ length: 20 }, (_, n) => `q${n}`)]) {
      await gate.holding(name)
      assert.ok(gate.held.size <= 3)
      gate.open(name)
    }
    await Promise.all(published)
    await client.endAsync()
    await ended(agent, "full", 23)
  })

  it("prunes finished executions oldest first at store.quotaMb, running ones never, and refuses what has no room", async () => {
    const quotaMb = 8
    const options = { sets: [`store.quotaMb=${quotaMb}`, "store.copies=0"] }
    agent = await started(options)
    await install(agent, gate)
    await deploy(agent, "kept", held)
    await deploy(agent, "passing", { take: { run: "lab.note" } })
    await emit(agent, "kept", { name: "first of all" })
    await gate.holding("first of all")
    const filler = "x".repeat(20_000)
    let sent = 0
    let refusals = 0
    const accepted: number[] = []
    const send = async (app: string, data: object) => {
      const answer = await agent.api("POST", "/services/lab/events/seen", { data: { app, ...data, filler } })
      await answer.arrayBuffer()
      if (answer.status !== 202) assert.equal(answer.status, 429)
      return answer.status === 202
    }
    const oldestKept = async () => Number(dataOf((await executionsOf(agent, "passing"))[0]!)["n"])
    // More than fits, several times over: pruning makes room, or the sender is told to come back.
    while (sent < 800) {
      const n = sent
      if (await send("passing", { n })) {
        accepted.push(n)
        sent++
      } else {
        refusals++
        await until(() => send("passing", { n }).then((taken) => taken && accepted.push(n) > 0), 20_000, "room", 200)
        sent++
      }
    }
    await until(async () => (await oldestKept()) > 0, 20_000, "the oldest to go")
    const settled = async () => (await executionsOf(agent, "passing")).every(({ status }) => status === "completed")
    await until(settled, 10_000, "all ends")
    const numbers = (await executionsOf(agent, "passing")).map((execution) => Number(dataOf(execution)["n"]))
    assert.deepEqual(numbers, accepted.slice(accepted.length - numbers.length), "the newest are kept, none is missing")
    const [running] = await executionsOf(agent, "kept")
    assert.equal(running?.status, "running")
    const fitsQuota = () => {
      const { size, blocks } = statSync(join(agent.home, "data/store.mdb"))
      assert.ok(Math.max(size, blocks * 512) <= quotaMb * 1048576, `the file has ${size} bytes in ${blocks} blocks`)
    }
    fitsQuota()

    // Only running ones now: nothing may be pruned for them, so at last they are refused; and they all finish.
    let taken = 0
    while (taken < 1000 && (await send("kept", { name: `held-${taken}` }))) taken++
    assert.ok(taken > 10 && taken < 1000, `${taken} were taken`)
    fitsQuota()
    await agent.kill()
    agent = await started({ home: agent.home, ...options })
    assert.equal((await executionsOf(agent, "kept")).length, taken + 1)
    const completed = async () => (await executionsOf(agent, "kept", "&status=completed")).length
    const release = async () => {
      for (const name of gate.held.keys()) gate.open(name)
      return (await completed()) === taken + 1
    }
    await until(release, 30_000, "the end of all that were held", 20)
    await ended(agent, "kept", taken + 1)
    fitsQuota()
    console.log(
      `      ${sent} passed, ${refusals} times refused meanwhile, ${numbers.length} kept; ${taken} held at once`,
    )
  })
})
