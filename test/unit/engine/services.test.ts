import assert from "node:assert/strict"
import { utf8 } from "../../../agent/base/bytes.ts"
import { isMesgError } from "../../../agent/base/errors.ts"
import {
  EVENT_DATA_BYTES_MAX,
  SERVICE_REFUSALS_KEPT_MAX,
  SERVICE_WEBHOOK_TIMEOUT_MS,
} from "../../../agent/base/limits.ts"
import type { Json } from "../../../agent/schema/json.ts"
import { testEngine, type TestEngine, type TestService } from "../../support/engine.ts"

const ANY = { data: { type: "object" } }
const SPY = { manifest: { id: "spy", name: "Spy", version: "1.0.0", events: { seen: ANY } } }

describe("the bridge of a service that runs here", () => {
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([SPY])
  })
  afterEach(() => test.stop())

  for (const topic of [
    "mesg/v1/other/manifest",
    "mesg/v1/other/event/e",
    "mesg/v1/feed/event/a/b",
    "$SYS/broker/uptime",
  ]) {
    it(`publishes nothing to ${topic}`, async () => {
      const before = test.broker.published.length
      await assert.rejects(
        test.bridge("spy").publish(topic, utf8("x"), { qos: 1, retain: true }),
        (error) => isMesgError(error) && error.code === "TOPIC_REFUSED",
      )
      assert.equal(test.broker.published.length, before)
    })
  }

  it("hears devices, and nothing that others say to the agent", async () => {
    const heard: string[] = []
    test.bridge("spy").subscribe("#", (topic) => void heard.push(topic), null)
    for (const topic of [
      "house/door",
      "mesg/v1/other/event/e",
      "mesg/v1/other/result/ex_1.t",
      "mesg/v1/other/manifest",
    ]) {
      await test.broker.say(topic, "{}")
    }
    assert.deepEqual(heard, ["house/door"])
  })
})

describe("an event over MQTT that nobody declared", () => {
  it("is acknowledged and kept among the refused, with the reason", async () => {
    const test = await testEngine([SPY])
    await test.broker.say("mesg/v1/nosuch/event/x/1", "{}")
    await test.broker.say("mesg/v1/spy/event/typo", "{}")
    const refused = test.engine.events
      .refused({})
      .items.map(({ service, event, code }) => `${service} ${event} ${code}`)
    assert.deepEqual(refused, ["spy typo UNKNOWN_EVENT", "nosuch x UNKNOWN_SERVICE"])
    await test.stop()
  })

  it("is kept with the topic's form where it stands on more levels than an event has", async () => {
    const test = await testEngine([SPY])
    await test.broker.say("mesg/v1/spy/event/seen/a/b", "{}")
    await test.broker.say("mesg/v1/spy/event", "{}")
    const [nameless, deep] = test.engine.events.refused({}).items
    assert.deepEqual([deep?.event, deep?.id, deep?.code], ["seen", "a/b", "EVENT_ID_INVALID"])
    assert.match(deep!.reason, /an event's topic is mesg\/v1\/spy\/event\/<event> or .*: an id is one level/)
    assert.deepEqual([nameless?.event, nameless?.code], ["", "UNKNOWN_EVENT"])
    assert.equal(test.engine.events.counts().accepted, 0)
    await test.stop()
  })
})

describe("an event that is refused", () => {
  it("says what to do about what is wrong with it", async () => {
    const test = await testEngine([SPY])
    const remedyOf = async (event: { data: Json; id?: string }) => {
      const error: unknown = await test.engine.events
        .accept({ service: "spy", event: "seen", ...event })
        .catch((e: unknown) => e)
      return isMesgError(error) ? [error.code, error.remedy] : null
    }
    const less = "send less or flatter data, or keep it elsewhere and send where it is"
    assert.deepEqual(await remedyOf({ data: { text: "x".repeat(EVENT_DATA_BYTES_MAX) } }), ["EVENT_TOO_LARGE", less])
    assert.deepEqual(await remedyOf({ data: {}, id: "a/b" }), [
      "EVENT_ID_INVALID",
      "give each event an id of its own, or none",
    ])
    const shown = "see what the event carries: mesg service show spy"
    assert.deepEqual(await remedyOf({ data: 5 }), ["EVENT_DATA_INVALID", shown])
    await test.stop()
  })
})

describe("a manifest over MQTT that is refused", () => {
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([SPY])
  })
  afterEach(() => test.stop())
  const warned = () => test.log.lines.filter(({ level }) => level === "warn")

  it("because it is none is named with the reason, each reason once, for a bounded number of services", async () => {
    await test.broker.say("mesg/v1/other/manifest", "{")
    await test.broker.say("mesg/v1/other/manifest", "{")
    await test.broker.say("mesg/v1/other/manifest", { id: "another", name: "A", version: "1.0.0" })
    assert.deepEqual(
      warned().map(({ code, service }) => `${String(code)} ${String(service)}`),
      ["MANIFEST_INVALID other", "MANIFEST_INVALID other"],
    )
    for (let i = 0; i < SERVICE_REFUSALS_KEPT_MAX; i++) await test.broker.say(`mesg/v1/s${i}/manifest`, "{")
    await test.broker.say("mesg/v1/other/manifest", "{")
    assert.equal(warned().length, SERVICE_REFUSALS_KEPT_MAX + 3)
  })
})

describe("a retained message", () => {
  it("is handed to each run of a service, and to each of its subscriptions, once", async () => {
    const heard: string[] = []
    let run = 0
    const listener: TestService = {
      manifest: { ...SPY.manifest, config: { n: { type: "number" } } },
      start(bridge) {
        const name = ++run
        for (const each of ["a", "b"]) {
          bridge.subscribe(
            "house/#",
            (topic, _payload, { retained }) => void heard.push(`${name}${each} ${topic} ${retained}`),
            null,
          )
        }
      },
    }
    const test = await testEngine([listener], { start: false })
    await test.broker.say("house/door", "open", { retain: true })
    await test.engine.start()
    await test.settle()
    assert.deepEqual(heard, ["1a house/door true", "1b house/door true"])
    heard.length = 0
    await test.engine.services.configure("spy" as never, { n: 1 })
    assert.deepEqual(heard, ["2a house/door true", "2b house/door true"])
    heard.length = 0
    await test.broker.say("house/door", "closed", { retain: true })
    assert.deepEqual(heard, ["2a house/door false", "2b house/door false"])
    await test.stop()
  })

  it("that its service cannot handle is told in the log", async () => {
    const refuses: TestService = {
      ...SPY,
      start: (bridge) => void bridge.subscribe("house/#", () => Promise.reject(new Error("no")), null),
    }
    const test = await testEngine([refuses], { start: false })
    await test.broker.say("house/door", "open", { retain: true })
    await test.engine.start()
    await test.settle()
    const errors = test.log.lines.filter(({ level }) => level === "error")
    assert.deepEqual(
      errors.map(({ message, topic }) => [message, topic]),
      [["a retained message could not be handled", "house/door"]],
    )
    await test.stop()
  })
})

describe("a webhook", () => {
  it("that its service does not answer fails in time, and does no harm when it answers later", async () => {
    const answer = Promise.withResolvers<{ status: number }>()
    const test = await testEngine([{ ...SPY, start: (bridge) => void bridge.webhook("bell", () => answer.promise) }])
    const request = { method: "POST", path: "bell", query: {}, headers: {}, body: new Uint8Array() }
    const asking = assert.rejects(test.engine.services.webhook(request), /"spy" has not answered within/)
    await test.pass(SERVICE_WEBHOOK_TIMEOUT_MS)
    await asking
    answer.resolve({ status: 200 })
    assert.deepEqual(await test.engine.services.webhook(request), { status: 200 })
    await test.stop()
  })
})

describe("a message for a service that is between two runs", () => {
  it("waits for the next run, and the publisher is acknowledged only then", async () => {
    const heard: string[] = []
    let run = 0
    const listener: TestService = {
      ...SPY,
      start(bridge) {
        const name = ++run
        bridge.subscribe("house/#", (topic) => void heard.push(`${name} ${topic}`), null)
      },
    }
    const test = await testEngine([listener])
    test.bridge("spy").ended({ code: "SERVICE_EXITED", message: "gone" })
    let acknowledged = false
    const saying = test.broker.say("house/door", "open").then(() => {
      acknowledged = true
    })
    await test.settle()
    assert.equal(acknowledged, false)
    await test.pass(1000)
    await saying
    assert.deepEqual(heard, ["2 house/door"])
    await test.stop()
  })

  /** A service whose runs subscribe, and end that themselves as they stop, which takes until `mayStop`. */
  const changing = async (subscribes: (run: number) => boolean) => {
    const heard: string[] = []
    const mayStop = Promise.withResolvers<void>()
    const ends: (() => void)[] = []
    const test = await testEngine([
      {
        manifest: { ...SPY.manifest, config: { n: { type: "number" } } },
        start(bridge) {
          const run = ends.length + 1
          ends.push(
            subscribes(run)
              ? bridge.subscribe("house/#", (topic) => void heard.push(`${run} ${topic}`), null)
              : () => undefined,
          )
        },
        async stop() {
          ends.at(-1)!()
          await mayStop.promise
        },
      },
    ])
    return { test, heard, mayStop }
  }

  it("waits for the next run while this one still stops, also where it ends its subscriptions itself", async () => {
    const { test, heard, mayStop } = await changing(() => true)
    const changed = test.engine.services.configure("spy" as never, { n: 1 })
    await test.settle()
    const saying = test.broker.say("house/door", "open")
    await test.settle()
    assert.deepEqual(heard, [])
    mayStop.resolve()
    await Promise.all([changed, saying])
    assert.deepEqual(heard, ["2 house/door"])
    await test.stop()
  })

  it("is not acknowledged where the next run wants it no more, or the agent stops", async () => {
    for (const act of ["configure", "stop"] as const) {
      const { test, mayStop } = await changing((run) => run === 1)
      const acting = act === "stop" ? test.stop() : test.engine.services.configure("spy" as never, { n: 1 })
      await test.settle()
      const saying = assert.rejects(test.broker.say("house/door", "open"), /does not come back/)
      await test.settle()
      mayStop.resolve()
      await Promise.all([acting, saying])
      if (act === "configure") await test.stop()
    }
  })

  it("is not acknowledged where the service does not come back in time", async () => {
    let runs = 0
    const test = await testEngine([
      {
        ...SPY,
        start(bridge) {
          if (++runs > 1) throw new Error("it does not start any more")
          bridge.subscribe("house/#", () => {}, null)
        },
      },
    ])
    test.bridge("spy").ended({ code: "SERVICE_EXITED", message: "gone" })
    const saying = assert.rejects(test.broker.say("house/door", "open"), /not back yet/)
    await test.pass(11_000)
    await saying
    await test.stop()
  })
})
