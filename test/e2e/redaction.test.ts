import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type MqttClient, connectAsync } from "mqtt"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { followStream } from "../support/stream.ts"
import { until } from "../support/until.ts"

const IBAN = "DE02120300000000202051"
const NAME = "Erika Mustermann"

const ANY = { type: "object" } as const
const BANK: Partial<ManifestInput> = {
  id: "bank",
  isolation: "in-process",
  events: { paid: { data: ANY, redact: ["/iban"] }, cleared: { data: ANY, redact: ["/*/iban"] } },
  tasks: {
    book: { inputs: ANY, redact: ["/to/iban"], statuses: { booked: { data: ANY } }, effect: "idempotent" },
    file: { inputs: ANY, statuses: { filed: { data: ANY } }, effect: "idempotent" },
  },
}
const BANK_CODE = `
const back = (inputs) => ({ ...inputs, length: inputs.to.iban.length })
export default { tasks: {
  book: (inputs) => ({ status: "booked", data: back(inputs) }),
  file: (inputs) => ({ status: "filed", data: inputs }),
} }`
const APP = {
  name: "booking",
  workflows: {
    w: {
      trigger: { service: "bank", event: "paid", redact: ["/name"] },
      tasks: {
        book: {
          run: "bank.book",
          with: { to: { iban: "{{ trigger.data.iban }}", name: "{{ trigger.data.name }}" } },
          redact: ["/to/name"],
        },
        file: {
          run: "bank.file",
          after: "book.booked",
          wait: { service: "bank", event: "cleared", where: "data.of.iban = trigger.data.iban", redact: ["/of/name"] },
          with: { of: "{{ data.of }}" },
          redact: ["/of"],
        },
      },
    },
  },
}

/** What redacts a part of a message hides all of its forms. */
const READER = {
  name: "reader",
  workflows: {
    w: {
      trigger: { service: "mqtt", event: "message", where: "data.topic = 'till'", redact: ["/json/iban"] },
      tasks: {
        book: { run: "bank.book", with: { to: { iban: "{{ trigger.data.json.iban }}" } } },
      },
    },
  },
}

describe("fields that a service or an application redacts", () => {
  let agent: TestAgent
  let client: MqttClient
  const feed: string[] = []
  let streamed: readonly string[]
  let execution: ExecutionView

  before(async () => {
    agent = await startAgent({ sets: ["log.level=debug"] })
    client = await connectAsync(agent.mqtt.url)
    client.on("message", (topic, payload) => feed.push(`${topic} ${payload.toString()}`))
    await client.subscribeAsync("mesg/v1/feed/#", { qos: 1 })
    await agent.json("service", "add", serviceFolder(BANK, BANK_CODE), "--trust")
    assert.equal((await agent.api("PUT", "/applications/booking", APP)).status, 200)
    streamed = await followStream(agent, ["event", "execution", "service", "log"])
    await client.publishAsync("mesg/v1/bank/event/paid", JSON.stringify({ iban: IBAN, name: NAME, eur: 3 }), { qos: 1 })
    await until(() => feed.some((text) => text.includes('"status":"waiting"')), 10_000, "it waits", 20)
    const cleared = { of: { iban: IBAN, name: NAME, eur: 3 } }
    await client.publishAsync("mesg/v1/bank/event/cleared", JSON.stringify(cleared), { qos: 1 })
    await until(() => feed.some((text) => text.includes('"status":"completed"')), 10_000, "it has ended", 20)
    await until(() => streamed.join("").includes('"status":"completed"'), 10_000, "the stream has told of it", 20)
    const { items } = await agent.json<{ items: ExecutionView[] }>("execution", "list")
    execution = await agent.json("execution", "show", items[0]!.id)
  })

  after(async () => {
    await client?.endAsync()
    await agent?.stop()
    agent?.clean()
  })

  it("are used as they are: a wait is matched by one, and a task measures it", () => {
    assert.equal(execution.status, "completed")
    assert.equal((execution.tasks["book"]!.data as { length: number }).length, IBAN.length)
  })

  it("are shown as (redacted), and what is beside them as it is", () => {
    assert.deepEqual(execution.trigger.data, { iban: "(redacted)", name: "(redacted)", eur: 3 })
    const { to } = execution.tasks["book"]!.data as { to: unknown }
    assert.deepEqual(to, { iban: "(redacted)", name: "(redacted)" })
    assert.deepEqual(execution.tasks["file"]!.data, { of: "(redacted)" })
  })

  it("show in no answer of the API or the CLI, in no stream and no log", async () => {
    const answers = [JSON.stringify(execution), streamed.join(""), agent.output()]
    for (const path of ["/executions", `/executions/${execution.id}`, "/applications/booking", "/logs?limit=1000"]) {
      const answer = await agent.api("GET", path)
      assert.equal(answer.status, 200, path)
      answers.push(await answer.text())
    }
    for (const words of [["execution", "list"], ["execution", "show", execution.id], ["logs"]]) {
      answers.push((await agent.cli(...words)).stdout)
    }
    const inputs = { inputs: { to: { iban: IBAN } } }
    const called = await agent.api("POST", "/services/bank/tasks/book", inputs, { prefer: "wait=10" })
    assert.equal(called.status, 200)
    answers.push(await called.text())
    const all = answers.join("\n")
    assert.equal(all.includes(IBAN), false)
    // Events are shown as their service says; what an application redacts is redacted in its executions.
    assert.equal(all.replace(/event: event\n.*\n.*/g, "").includes(NAME), false)
  })

  it("show in no feed: events as the service says, executions as the application says too", () => {
    assert.equal(feed.join("").includes(IBAN), false)
    const [event] = feed.filter((text) => text.startsWith("mesg/v1/feed/event/bank/paid "))
    assert.match(event!, /"data":\{"iban":"\(redacted\)","name":"Erika Mustermann","eur":3\}/)
    const executions = feed.filter((text) => text.startsWith("mesg/v1/feed/execution/"))
    assert.equal(executions.join("").includes(NAME), false)
  })

  it("of a message, which is there as JSON, as text and as bytes, are shown in none of these forms", async () => {
    assert.equal((await agent.api("PUT", "/applications/reader", READER)).status, 200)
    await client.publishAsync("till", JSON.stringify({ iban: IBAN, eur: 3 }), { qos: 1 })
    const listed = () => agent.json<{ items: ExecutionView[] }>("execution", "list", "--app", "reader")
    await until(async () => (await listed()).items[0]?.status === "completed", 10_000, "it was booked", 50)
    const shown = await agent.json<ExecutionView>("execution", "show", (await listed()).items[0]!.id)
    const { payload, text, json, topic } = shown.trigger.data as Record<string, unknown>
    const hidden = "(redacted)"
    assert.deepEqual([payload, text, json, topic], [hidden, hidden, { iban: hidden, eur: 3 }, "till"])
    assert.equal(JSON.stringify(shown).includes(IBAN), false)
  })

  it("are kept in the store: an execution goes on with them after a restart", async () => {
    await client.endAsync()
    await agent.stop()
    assert.ok(readFileSync(join(agent.home, "data", "store.mdb")).includes(IBAN))
    agent = await startAgent({ home: agent.home })
    const retried = await agent.json<ExecutionView>("execution", "retry", execution.id)
    const show = () => agent.json<ExecutionView>("execution", "show", retried.id)
    await until(async () => (await show()).tasks["book"]!.status !== null, 10_000, "it was booked again", 50)
    assert.equal(((await show()).tasks["book"]!.data as { length: number }).length, IBAN.length)
  })
})
