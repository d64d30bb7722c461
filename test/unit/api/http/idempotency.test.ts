import assert from "node:assert/strict"
import {
  IDEMPOTENCY_ANSWER_BYTES_MAX,
  IDEMPOTENCY_KEPT_MS,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  IDEMPOTENCY_KEYS_MAX,
} from "../../../../agent/base/limits.ts"
import { Idempotency } from "../../../../agent/api/http/idempotency.ts"
import { isEventId } from "../../../../agent/schema/names.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { refusal } from "../../../support/fake-core.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

const APPLICATION = {
  name: "ev-charging",
  workflows: { w: { trigger: { service: "ocpp", event: "e" }, tasks: { pay: { run: "ethereum.transfer" } } } },
}
const TASK = "/api/v1/services/ocpp/tasks/set-standby"
const EVENT = "/api/v1/services/ocpp/events/transaction-stopped"
const code = (body: unknown) => (body as { code?: string }).code

describe("an Idempotency-Key", () => {
  let server: ApiServer
  beforeEach(async () => {
    server = await startApiServer()
  })
  afterEach(() => server.stop())
  const call = (key: string, body: unknown, path = TASK) => {
    return server.call("POST", path, { body, headers: { "idempotency-key": key } })
  }

  it("makes a repeat do nothing and give the same answer", async () => {
    const first = await call("k1", { inputs: { a: 1 } })
    const second = await call("k1", { inputs: { a: 1 } })
    assert.deepEqual([second.status, second.body], [first.status, first.body])
    assert.equal(server.core.asked.length, 1)
  })

  it("of another caller is another key", async () => {
    const { secret } = await server.tokens.create({ scope: "operate", services: [], topics: [] })
    await call("k1", { inputs: {} })
    await server.call("POST", TASK, { body: { inputs: {} }, token: secret, headers: { "idempotency-key": "k1" } })
    assert.equal(server.core.asked.length, 2)
  })

  it("used for another request is refused", async () => {
    await call("k1", { inputs: { a: 1 } })
    const other = await call("k1", { inputs: { a: 2 } })
    assert.deepEqual([other.status, code(other.body)], [409, "IDEMPOTENCY_KEY_REUSED"])
    assert.equal(server.core.asked.length, 1)
  })

  it("is free again after a refusal", async () => {
    server.core.nextError = refusal("OVERLOADED", "later")
    assert.equal((await call("k1", { inputs: {} })).status, 429)
    assert.equal((await call("k1", { inputs: {} })).status, 202)
  })

  it("is the id of an event that has none", async () => {
    const first = await call("k1", { data: { kwh: 1 } }, EVENT)
    const second = await call("k1", { data: { kwh: 1 } }, EVENT)
    const duplicate = (answer: { body: unknown }) => (answer.body as { duplicate: boolean }).duplicate
    assert.deepEqual([first.status, duplicate(first), second.status, duplicate(second)], [202, false, 202, true])
    assert.ok(isEventId((server.core.asked[0]!.input as { id: string }).id))
    await call("k2", { data: { kwh: 1 }, id: "own" }, EVENT)
    assert.equal((server.core.asked.at(-1)!.input as { id: string }).id, "own")
  })

  for (const [name, body] of [
    ["a key", {}],
    ["an id", { id: "e1" }],
  ] as const) {
    it(`of an event, with ${name} that was used for other data, is refused and starts nothing`, async () => {
      await call("k/1", { data: { kwh: 1 }, ...body }, EVENT)
      const other = await call("k/1", { data: { kwh: 2 }, ...body }, EVENT)
      assert.deepEqual([other.status, code(other.body)], [409, "IDEMPOTENCY_KEY_REUSED"])
      assert.equal(server.core.executionViews.length, 1)
    })
  }

  it("makes a repeated PUT deploy once, and a repeated DELETE succeed", async () => {
    const path = "/api/v1/applications/ev-charging"
    const repeat = async (method: string, options: object) => {
      const request = { ...options, headers: { "idempotency-key": method } }
      const first = await server.call(method, path, request)
      const second = await server.call(method, path, request)
      assert.deepEqual([second.status, second.body], [first.status, first.body])
      return first.status
    }
    assert.equal(await repeat("PUT", { body: APPLICATION }), 200)
    assert.equal(server.core.applicationViews.get("ev-charging")?.version, 1)
    assert.equal(await repeat("DELETE", {}), 204)
  })

  it("is refused where the answer cannot be kept, instead of passed over", async () => {
    const answer = await server.call("POST", "/api/v1/tokens", { body: {}, headers: { "idempotency-key": "k1" } })
    assert.deepEqual([answer.status, code(answer.body)], [400, "IDEMPOTENCY_UNSUPPORTED"])
    assert.deepEqual(server.tokens.list(), [])
  })

  for (const key of ["", "x".repeat(IDEMPOTENCY_KEY_LENGTH_MAX + 1)]) {
    it(`of ${key.length} characters is refused`, async () => {
      const answer = await call(key, { inputs: {} })
      assert.deepEqual([answer.status, code(answer.body)], [400, "IDEMPOTENCY_KEY_INVALID"])
    })
  }
})

describe("kept answers", () => {
  const answer = { status: 202, body: "{}" }
  const fresh = (store = new MemoryStore(), clock = new FakeClock()) => {
    const idempotency = new Idempotency(store, clock)
    idempotency.start()
    return { idempotency, store, clock }
  }

  it("outlive a restart", async () => {
    const { idempotency, store, clock } = fresh()
    await idempotency.once("t", "k", "request", async () => answer)
    const { idempotency: next } = fresh(store.crash(), clock)
    assert.deepEqual(await next.once("t", "k", "request", () => assert.fail("done twice")), answer)
  })

  it("are not made up where a crash left the outcome unknown", async () => {
    const { idempotency, store, clock } = fresh()
    const started = Promise.withResolvers<void>()
    void idempotency.once("t", "k", "request", () => {
      started.resolve()
      return new Promise(() => {})
    })
    await started.promise
    const { idempotency: next } = fresh(store.crash(), clock)
    const repeat = next.once("t", "k", "request", () => assert.fail("done twice"))
    await assert.rejects(repeat, { code: "IDEMPOTENCY_INTERRUPTED" })
  })

  it("are durable as begun before the work begins", async () => {
    const { idempotency, store } = fresh()
    store.hold()
    let begun = false
    const once = idempotency.once("t", "k", "request", async () => {
      begun = true
      return answer
    })
    await new Promise(setImmediate)
    assert.equal(begun, false)
    store.release()
    await once
    assert.equal(begun, true)
  })

  it("are refused to a second caller while the first is at work", async () => {
    const { idempotency } = fresh()
    const work = Promise.withResolvers<typeof answer>()
    const first = idempotency.once("t", "k", "request", () => work.promise)
    await assert.rejects(
      idempotency.once("t", "k", "request", () => work.promise),
      { code: "IDEMPOTENCY_IN_PROGRESS" },
    )
    work.resolve(answer)
    assert.deepEqual(await first, answer)
  })

  it("are short where the answer was long, with its ids", async () => {
    const { idempotency } = fresh()
    const long = { status: 202, body: JSON.stringify({ id: "ex_1", data: "x".repeat(IDEMPOTENCY_ANSWER_BYTES_MAX) }) }
    assert.deepEqual(await idempotency.once("t", "k", "request", async () => long), long)
    const again = await idempotency.once("t", "k", "request", () => assert.fail("done twice"))
    assert.deepEqual(again, { status: 202, body: '{"id":"ex_1"}' })
  })

  it("go after a day, and the oldest first past their number", async () => {
    const { idempotency, store, clock } = fresh()
    for (let i = 0; i < 3; i++) await idempotency.once("t", `k${i}`, "request", async () => answer)
    assert.equal(store.count(TABLE.idempotency), 3)
    clock.advance(IDEMPOTENCY_KEPT_MS + 1)
    let again = 0
    await idempotency.once("t", "k0", "request", async () => {
      again++
      return answer
    })
    assert.equal(again, 1)
    assert.equal(store.count(TABLE.idempotency), 1)
  })

  it("are never more than their bound", async () => {
    const store = new MemoryStore()
    const changes = Array.from({ length: IDEMPOTENCY_KEYS_MAX }, (_, i) => {
      return {
        put: TABLE.idempotency,
        key: [`old${i}`],
        value: { v: 1, timeMs: 1_700_000_000_000 + i, request: "", answer },
      }
    })
    await store.write(changes)
    const { idempotency } = fresh(store, new FakeClock(1_700_000_100_000))
    await idempotency.once("t", "k", "request", async () => answer)
    assert.equal(store.count(TABLE.idempotency), IDEMPOTENCY_KEYS_MAX)
    assert.equal(store.get(TABLE.idempotency, ["old0"]), undefined)
  })
})
