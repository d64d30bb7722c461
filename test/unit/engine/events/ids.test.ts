import assert from "node:assert/strict"
import { EVENT_ID_LENGTH_MAX } from "../../../../agent/base/limits.ts"
import { isMesgError } from "../../../../agent/base/errors.ts"
import { fingerprintOf } from "../../../../agent/engine/events/fingerprint.ts"
import type { JsonObject } from "../../../../agent/schema/json.ts"
import { testEngine, type TestEngine } from "../../../support/engine.ts"
import { WORK, workApplication } from "../../../support/work-service.ts"

const TOPIC = ["mesg/v1", WORK.id, "event/go/first"].join("/")

describe("the id of an event", () => {
  let test: TestEngine
  beforeEach(async () => {
    test = await testEngine([{ manifest: WORK }])
    await test.engine.applications.deploy(workApplication("shop"), {})
  })
  afterEach(() => test.stop())
  const accept = (id: string, data: JsonObject) => test.engine.events.accept({ service: "work", event: "go", data, id })

  for (const id of ["", "a/b", "+", "#", "x\0", "\ud800", "x".repeat(EVENT_ID_LENGTH_MAX + 1)]) {
    it(`is not ${JSON.stringify(id).slice(0, 12)}, however it comes`, async () => {
      await assert.rejects(accept(id, {}), (error) => isMesgError(error) && error.code === "EVENT_ID_INVALID")
    })
  }

  it("with the same data, its members in any order, is a repeat", async () => {
    await accept("1", { a: 1, b: { c: [1, 2], d: 2 } })
    const { duplicate, differs } = await accept("1", { b: { d: 2, c: [1, 2] }, a: 1 })
    assert.deepEqual({ duplicate, differs }, { duplicate: true, differs: false })
  })

  it("with other data is a repeat that says so, also while the first one is being written", async () => {
    const [first, second] = await Promise.all([accept("1", { n: 1 }), accept("1", { n: 2 })])
    const third = await accept("1", { n: 3 })
    assert.deepEqual(
      [first, second, third].map(({ duplicate, differs }) => ({ duplicate, differs })),
      [
        { duplicate: false, differs: false },
        { duplicate: true, differs: true },
        { duplicate: true, differs: true },
      ],
    )
    assert.deepEqual(third.executions, first.executions)
  })

  it("out of a service with other data is taken as a repeat and kept among the refused", async () => {
    for (const n of [1, 1, 2]) await test.bridge(WORK.id).emit("go", { n }, "first")
    const refused = test.engine.events.refused({}).items
    assert.deepEqual(
      refused.map(({ code, id }) => [code, id]),
      [["EVENT_ID_REUSED", "first"]],
    )
    assert.equal(test.engine.executions.list({}).items.length, 1)
  })

  it("over MQTT with other data is acknowledged and kept among the refused", async () => {
    await test.broker.say(TOPIC, { n: 1 })
    await test.broker.say(TOPIC, { n: 1 })
    assert.deepEqual(test.engine.events.refused({}).items, [])
    await test.broker.say(TOPIC, { n: 2 })
    const [refused] = test.engine.events.refused({}).items
    assert.deepEqual([refused?.code, refused?.id], ["EVENT_ID_REUSED", "first"])
    assert.equal(test.engine.executions.list({}).items.length, 1)
  })
})

describe("the id of an event whose manifest names what makes it the same", () => {
  it("is a repeat where these fields are equal, whatever the others", async () => {
    const test = await testEngine([{ manifest: { ...WORK, events: { go: { data: {}, identity: ["path"] } } } }])
    await test.engine.applications.deploy(workApplication("shop"), {})
    const differs = async (data: JsonObject) =>
      (await test.engine.events.accept({ service: WORK.id, event: "go", data, id: "1" })).differs
    assert.equal(await differs({ path: "/a", attempt: 1 }), false)
    assert.equal(await differs({ path: "/a", attempt: 2 }), false)
    assert.equal(await differs({ path: "/b", attempt: 2 }), true)
    await test.stop()
  })
})

describe("the fingerprint of data", () => {
  const same: [unknown, unknown][] = [
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }]],
  ]
  const other: [unknown, unknown][] = [
    [{ a: 1 }, { a: 2 }],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, { a: "1" }],
    [null, {}],
    [{ a: null }, {}],
  ]
  for (const [a, b] of same) {
    it(`of ${JSON.stringify(a)} is that of ${JSON.stringify(b)}`, () => {
      assert.equal(fingerprintOf(a as never), fingerprintOf(b as never))
    })
  }
  for (const [a, b] of other) {
    it(`of ${JSON.stringify(a)} is not that of ${JSON.stringify(b)}`, () => {
      assert.notEqual(fingerprintOf(a as never), fingerprintOf(b as never))
    })
  }
})
