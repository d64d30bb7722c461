import assert from "node:assert/strict"
import type { ApplicationName, ServiceId } from "../../../../agent/base/ids.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

const application = (task: string) => workApplication("app", { [task]: { run: "work.do" } })

describe("changes of applications", () => {
  it("that come at once make a version each, and the last one counts, also after a restart", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const { applications, executions, events } = test.engine
    const deployed = await Promise.all(["a", "b", "c"].map((task) => applications.deploy(application(task), {})))
    assert.deepEqual(
      deployed.map(({ version }) => version),
      [1, 2, 3],
    )
    const accepted = await events.accept({ service: "work", event: "go", data: {} })
    await test.settle()
    const id = accepted.executions[0]!
    assert.deepEqual(Object.keys(executions.show(id).tasks), ["c"])
    await test.stop()
    const again = await testEngine([{ manifest: WORK }], { store: test.store, clock: test.clock })
    assert.deepEqual(Object.keys(again.engine.executions.show(id).tasks), ["c"])
    await again.stop()
  })

  it("are told to readers once they are durable, each as it is then", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const { applications, feed } = test.engine
    const name = "app" as ApplicationName
    const told: unknown[] = []
    const end = feed.subscribe((item) => {
      if (item.kind !== "application") return
      const { version, paused } = item.application
      const isThere = applications.list({}).items.some((one) => one.name === item.application.name)
      told.push([item.application.name, version, paused, item.removed, isThere])
    })
    await applications.deploy(application("a"), {})
    await applications.deploy(application("b"), {})
    await applications.pause(name)
    await applications.resume(name)
    await applications.remove(name)
    await assert.rejects(applications.remove(name), { code: "APPLICATION_NOT_FOUND" })
    end()
    assert.deepEqual(told, [
      ["app", 1, false, false, true],
      ["app", 2, false, false, true],
      ["app", 2, true, false, true],
      ["app", 2, false, false, true],
      ["app", 2, false, true, false],
    ])
    await test.stop()
  })

  it("that fail keep nothing from those that come after", async () => {
    const test = await testEngine([{ manifest: WORK }])
    const { applications } = test.engine
    const removed = applications.remove("app" as never)
    const deployed = applications.deploy(application("a"), {})
    await assert.rejects(removed, { code: "APPLICATION_NOT_FOUND" })
    assert.equal((await deployed).version, 1)
    await test.stop()
  })
})

describe("an application whose service is no longer here", () => {
  const id = "work" as ServiceId
  const caller = workApplication("caller", { a: { run: "app:callee" } })
  const callee = {
    ...workApplication("callee"),
    visibility: "public",
    outputs: { done: { from: "a.ok", schema: {}, data: {} } },
  }
  const missing = (test: TestEngine) =>
    test.engine.applications.list({}).items.map(({ name, missing }) => `${name}: ${missing.join(" ")}`)
  const warned = (test: TestEngine) =>
    test.log.lines
      .filter(({ message }) => message === "an application uses what is not here")
      .map(({ level, application, missing }) => `${level} ${String(application)}: ${String(missing)}`)

  it("says so in its view, once in the log, and again at each start, until it is back", async () => {
    const test = await testEngine([], { addable: [{ manifest: WORK }] })
    const { services, applications } = test.engine
    await services.add("work", { trust: true })
    await applications.deploy(callee, {})
    await applications.deploy(caller, {})
    assert.deepEqual([missing(test), warned(test)], [["callee: ", "caller: "], []])
    await services.remove(id)
    assert.deepEqual(missing(test), ["callee: work", "caller: work"])
    assert.deepEqual(warned(test), ["warn callee: work", "warn caller: work"])
    await applications.remove("callee" as ApplicationName)
    assert.deepEqual(missing(test), ["caller: app:callee work"])
    assert.deepEqual(warned(test).slice(2), ["warn caller: app:callee, work"])
    await test.stop()

    const again = await testEngine([], { store: test.store, clock: test.clock, addable: [{ manifest: WORK }] })
    assert.deepEqual(warned(again), ["warn caller: app:callee, work"])
    await again.engine.services.add("work", { trust: true })
    await again.engine.applications.deploy(callee, {})
    assert.deepEqual([missing(again), warned(again).length], [["callee: ", "caller: "], 1])
    await again.stop()
  })

  it("says so of one behind MQTT too, in the log once however often it comes and goes", async () => {
    const test = await testEngine([])
    const topic = "mesg/v1/work/manifest"
    await test.broker.say(topic, WORK)
    await test.engine.applications.deploy(application("a"), {})
    await test.broker.say(topic, "")
    assert.deepEqual(missing(test), ["app: work"])
    await test.broker.say(topic, WORK)
    assert.deepEqual(missing(test), ["app: "])
    await test.broker.say(topic, "")
    assert.deepEqual([missing(test), warned(test)], [["app: work"], ["warn app: work"]])
    await test.stop()
  })
})
