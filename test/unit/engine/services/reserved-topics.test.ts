import assert from "node:assert/strict"
import { fromUtf8 } from "../../../../agent/base/bytes.ts"
import type { ServiceId } from "../../../../agent/base/ids.ts"
import { SERVICE_REFUSALS_KEPT_MAX } from "../../../../agent/base/limits.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"

const SPY = { manifest: { id: "spy", name: "Spy", version: "1.0.0" } }
const EXTRA = { manifest: { id: "extra", name: "Extra", version: "1.0.0" } }
const ANOTHER = { id: "spy", name: "Another", version: "9.0.0" }

/** What a client with every right publishes, and what it is told on the service's status topic. */
const refusals: readonly { topic: string; payload: unknown; code: string; told: string | null }[] = [
  {
    topic: "mesg/v1/spy/manifest",
    payload: ANOTHER,
    code: "SERVICE_ID_TAKEN",
    told: 'service "spy" runs on this Core',
  },
  { topic: "mesg/v1/spy/manifest", payload: "", code: "SERVICE_ID_TAKEN", told: 'service "spy" runs on this Core' },
  ...["status", "task/do", "verify/do", "recover/do"].map((rest) => {
    const topic = `mesg/v1/spy/${rest}`
    return { topic, payload: "ok", code: "TOPIC_REFUSED", told: `only the Core publishes to ${topic}` }
  }),
  ...["", "/", "/events/seen", "/result", "/result/a/b", "/manifest/x", "/task", "/status/x"].map((rest) => {
    const topic = `mesg/v1/pump${rest}`
    return { topic, payload: "{}", code: "TOPIC_REFUSED", told: `${topic} is no topic of a service` }
  }),
  { topic: "mesg/v1/feed/event/spy/seen", payload: "{}", code: "TOPIC_REFUSED", told: null },
  { topic: "mesg/v1", payload: "{}", code: "TOPIC_REFUSED", told: null },
  { topic: "mesg/v1/No Service/x", payload: "{}", code: "TOPIC_REFUSED", told: null },
]

describe("a topic that only the Core publishes to", () => {
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([SPY], { addable: [EXTRA] })
  })
  afterEach(() => test.stop())
  const warned = () => test.log.lines.filter(({ level }) => level === "warn")
  const kept = (topic: string) => Array.from(test.broker.retained(topic), ({ payload }) => fromUtf8(payload))

  for (const { topic, payload, code, told } of refusals) {
    it(`${topic} with ${JSON.stringify(payload)} is refused: ${told ?? "nobody listens there"}`, async () => {
      const before = [test.broker.published.length, kept("mesg/v1/#")]
      await test.broker.say(topic, payload, { retain: true })
      const said = test.broker.published.slice(before[0] as number)
      assert.deepEqual(
        said.map((message) => [message.topic, fromUtf8(message.payload), message.retain]),
        told === null ? [] : [[`mesg/v1/${topic.split("/")[2]}/status`, told, false]],
      )
      assert.deepEqual(kept("mesg/v1/#"), before[1])
      assert.deepEqual(
        warned().map((line) => [line["code"], line["client"]]),
        [[code, "test"]],
      )
    })
  }

  it("is refused to a client that may not speak for the service without a word to that service", async () => {
    const before = test.broker.published.length
    const from = { clientId: "device", principal: { name: "device", publish: ["house/#"], subscribe: [] } }
    await test.broker.say("mesg/v1/spy/task/do", "{}", { from })
    assert.equal(test.broker.published.length, before)
    assert.deepEqual(
      warned().map((line) => [line["code"], line["client"]]),
      [["TOPIC_REFUSED", "device"]],
    )
  })

  it("names a client once in the log, however often and wherever it tries, for a bounded number of clients", async () => {
    const tries = (clientId: string) => {
      const from = { clientId, principal: { name: "owner", publish: ["#"], subscribe: [] } }
      return test.broker.say(`mesg/v1/spy/task/${clientId}`, "{}", { from })
    }
    for (const { topic, payload } of refusals) await test.broker.say(topic, payload)
    assert.equal(warned().length, 1)
    for (let i = 0; i < SERVICE_REFUSALS_KEPT_MAX; i++) await tries(`c${i}`)
    await test.broker.say("mesg/v1/spy/status", "ok")
    assert.equal(warned().length, SERVICE_REFUSALS_KEPT_MAX + 2)
  })

  it("is the manifest of an added service until it is removed", async () => {
    const another = { id: "extra", name: "Another", version: "2.0.0" }
    const announce = () => test.broker.say("mesg/v1/extra/manifest", another, { retain: true })
    const version = () => test.engine.services.show("extra" as ServiceId).version
    await test.engine.services.add("extra", { trust: false })
    await announce()
    assert.equal(version(), "1.0.0")
    await test.engine.services.remove("extra" as ServiceId)
    await announce()
    assert.equal(version(), "2.0.0")
  })
})
