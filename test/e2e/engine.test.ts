import assert from "node:assert/strict"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { connectAsync } from "mqtt"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { Gate, install, deploy, emit, executionsOf, ended, dataOf } from "../support/lab.ts"
import { until } from "../support/until.ts"

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

  it("publishes applications, events and executions on the feed topics", async () => {
    const client = await connectAsync(agent.mqtt.url, { protocolVersion: 4 })
    const heard: { topic: string; body: Record<string, unknown> }[] = []
    client.on("message", (topic, payload) => heard.push({ topic, body: JSON.parse(payload.toString()) as never }))
    const topics = ["application/fed", "event/lab/seen", "execution/fed/main"]
    await client.subscribeAsync(
      topics.map((topic) => `mesg/v1/feed/${topic}`),
      { qos: 1 },
    )
    await deploy(agent, "fed", { take: { run: "lab.note" } })
    await emit(agent, "fed", { n: 1 })
    await until(
      () => heard.some(({ body }) => body["status"] === "completed"),
      10_000,
      "the execution on its feed topic",
    )
    await client.endAsync()
    const { document: _, ...shown } = await agent.json<{ document: unknown }>("app", "show", "fed")
    const application = heard.find(({ topic }) => topic === "mesg/v1/feed/application/fed")
    assert.deepEqual(application?.body, { ...shown, removed: false })
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
