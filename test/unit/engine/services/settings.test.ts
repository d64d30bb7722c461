import assert from "node:assert/strict"
import type { ServiceId } from "../../../../agent/base/ids.ts"
import { SERVICE_WARNING_LENGTH_MAX, SERVICE_WARNINGS_KEPT_MAX } from "../../../../agent/base/limits.ts"
import type { ServiceBridge } from "../../../../agent/ports/service-host.ts"
import { isMesgError } from "../../../../agent/base/errors.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"

const METER = "meter" as ServiceId
const manifest: ManifestInput = {
  id: "meter",
  name: "Meter",
  version: "1.0.0",
  config: {
    host: { type: "string", required: true },
    port: { type: "integer", minimum: 1 },
    key: { type: "string", minLength: 8, secret: true, required: true },
  },
}

describe("what a service warns of while it starts", () => {
  const says = (bridge: ServiceBridge) => {
    bridge.log("warn", "the key long-enough is weak", { field: "key", n: 1, deep: {}, remedy: "choose another" })
    bridge.log("info", "all is well", {})
    for (let i = 0; i < SERVICE_WARNINGS_KEPT_MAX; i++) bridge.log("warn", "x".repeat(SERVICE_WARNING_LENGTH_MAX + i))
  }

  it("is shown with it until its next start, without its secrets, and bounded; what it says later is not", async () => {
    let speaks = true
    const test = await testEngine([{ manifest, start: (bridge) => void (speaks && says(bridge)) }])
    const { warnings } = await test.engine.services.configure(METER, { host: "meter.local", key: "long-enough" })
    assert.deepEqual(warnings[0], { message: "the key (secret) is weak (field key, n 1)", remedy: "choose another" })
    assert.equal(warnings.length, SERVICE_WARNINGS_KEPT_MAX)
    assert.ok(warnings.slice(1).every(({ message }) => message === "x".repeat(SERVICE_WARNING_LENGTH_MAX)))
    speaks = false
    assert.deepEqual((await test.engine.services.configure(METER, { port: 1 })).warnings, [])
    test.bridge(METER).log("warn", "the meter does not answer", {})
    assert.deepEqual(test.engine.services.show(METER).warnings, [])
    await test.stop()
  })
})

describe("settings of a service", () => {
  let test: TestEngine
  let starts: number
  beforeEach(async () => {
    starts = 0
    test = await testEngine([{ manifest, start: () => void starts++ }])
  })
  afterEach(() => test.stop())
  const configure = (config: Parameters<typeof test.engine.services.configure>[1]) =>
    test.engine.services.configure(METER, config)
  const complete = () => configure({ host: "meter.local", key: "long-enough" })

  it("that are missing keep it from being started, for good, and say which", async () => {
    const { state, error } = test.engine.services.show(METER)
    assert.equal(state, "needs-configuration")
    assert.deepEqual(error, {
      code: "SETTINGS_INVALID",
      message: "settings of meter: host is missing; key is missing",
    })
    await test.pass(3_600_000)
    assert.equal(starts, 0)
    assert.equal(test.engine.services.show(METER).restarts, 0)
  })

  it("may come one by one: it starts with the last", async () => {
    assert.equal((await configure({ host: "meter.local" })).state, "needs-configuration")
    assert.equal((await configure({ key: "long-enough" })).state, "running")
    assert.equal(starts, 1)
  })

  it("that are the same in the end leave it running: nothing is interrupted", async () => {
    await complete()
    await complete()
    await configure({ key: "long-enough", port: null })
    assert.equal(starts, 1)
    await configure({ port: 1 })
    assert.equal(starts, 2)
  })

  const refused: { name: string; config: Parameters<typeof configure>[0]; code: string; says: RegExp }[] = [
    { name: "of the wrong type", config: { port: "http" }, code: "SETTINGS_INVALID", says: /port must be integer/ },
    { name: "out of range", config: { port: 0 }, code: "SETTINGS_INVALID", says: /port must be >= 1/ },
    {
      name: "that take a required one away",
      config: { host: null },
      code: "SETTINGS_INVALID",
      says: /host is missing/,
    },
    { name: "that are not known", config: { colour: 1 }, code: "SERVICE_SETTING_UNKNOWN", says: /no setting "colour"/ },
    { name: "with a bad secret", config: { key: "canary" }, code: "SETTINGS_INVALID", says: /key must NOT have fewer/ },
  ]
  for (const { name, config, code, says } of refused) {
    it(`${name} are refused, change nothing and do not disturb it`, async () => {
      await complete()
      const before = test.engine.services.show(METER)
      await assert.rejects(configure(config), (error) => {
        assert.ok(isMesgError(error))
        assert.equal(error.code, code)
        assert.match(error.message, says)
        assert.doesNotMatch(error.message, /canary/)
        return true
      })
      assert.deepEqual(test.engine.services.show(METER), before)
      assert.equal(starts, 1)
    })
  }
})

describe("a service behind MQTT", () => {
  const remote = { id: "lamp", name: "Lamp", version: "1.0.0", tasks: { on: { statuses: { ok: {} } } } }
  const LAMP = "lamp" as ServiceId
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([])
    test.broker.connected.add("test")
    await test.broker.say("mesg/v1/lamp/manifest", remote, { retain: true })
  })
  afterEach(() => test.stop())
  const state = () => test.engine.services.show(LAMP).state

  it("runs while the client that spoke for it is connected, and is offline when that is gone", () => {
    assert.equal(state(), "running")
    test.broker.connected.delete("test")
    assert.equal(state(), "offline")
  })

  it("runs while any client takes its tasks; one that listens to everything does not count", () => {
    test.broker.connected.delete("test")
    test.broker.subscribed.add("#")
    assert.equal(state(), "offline")
    test.broker.subscribed.add("mesg/v1/lamp/task/+")
    assert.equal(state(), "running")
  })

  it("that was registered before the agent started is offline until it speaks", async () => {
    const again = await testEngine([], { start: false, store: test.store })
    again.broker.connected.add("test")
    await again.broker.say("mesg/v1/lamp/manifest", remote, { retain: true })
    await again.engine.start()
    assert.equal(again.engine.services.show(LAMP).state, "offline")
    await again.broker.say("mesg/v1/lamp/event/nosuch", {})
    assert.equal(again.engine.services.show(LAMP).state, "running")
    await again.stop()
  })
})
