import assert from "node:assert/strict"
import { TOKENS_MAX } from "../../../../agent/base/limits.ts"
import { principalOf, Tokens } from "../../../../agent/api/http/tokens.ts"
import { seededRandom } from "../../../../agent/base/random.ts"
import { topicMatches } from "../../../../agent/base/topic.ts"
import { TABLE } from "../../../../agent/schema/tables.ts"
import { startApiServer } from "../../../support/api-server.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { MemoryStore } from "../../../support/memory-store.ts"

function fresh(store = new MemoryStore(), seed = 1): Tokens {
  const tokens = new Tokens({ store, clock: new FakeClock(), random: seededRandom(seed) })
  tokens.start()
  return tokens
}

describe("tokens", () => {
  it("are stored as a hash and never as their secret", async () => {
    const store = new MemoryStore()
    const { secret, token } = await fresh(store).create({ scope: "operate", services: [], topics: [] })
    const stored = JSON.stringify([...store.range(TABLE.token)])
    assert.ok(stored.includes(token.id))
    assert.ok(!stored.includes(secret) && !stored.includes(secret.split("_")[2]!))
  })

  it("are known again after a restart, the run token not", async () => {
    const store = new MemoryStore()
    const before = fresh(store, 1)
    const { secret, token } = await before.create({ services: ["ocpp"], topics: [] })
    const after = fresh(store.crash(), 2)
    assert.deepEqual(after.verify(secret), token)
    assert.equal(after.verify(before.runToken), null)
    assert.equal(after.verify(after.runToken)?.scope, "admin")
  })

  it("of one name are made once, also when two ask at once", async () => {
    const tokens = fresh()
    const request = { name: "panel", scope: "read", services: [], topics: [] } as const
    const made = await Promise.allSettled([tokens.create(request), tokens.create(request)])
    assert.deepEqual(
      made.map(({ status }) => status),
      ["fulfilled", "rejected"],
    )
    assert.equal(tokens.list().length, 1)
  })

  const wrong = (secret: string): [text: string, name: string][] => [
    ["", "nothing"],
    ["mesg", "half of it"],
    [`${secret}0`, "one digit more"],
    [secret.slice(0, -1), "one digit less"],
    [secret.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")), "one digit changed"],
    [secret.toUpperCase(), "capitals"],
    [secret.replace(/^mesg_[^_]+/, "mesg_run"), "another id"],
    [`${secret}\0`, "a NUL after it"],
  ]
  it("are refused for anything but the whole secret", async () => {
    const tokens = fresh()
    const { secret } = await tokens.create({ services: [], topics: [] })
    for (const [text, name] of wrong(secret)) assert.equal(tokens.verify(text), null, name)
  })

  it("are refused from the moment they are revoked, and everybody who listens is told", async () => {
    const tokens = fresh()
    const { secret, token } = await tokens.create({ services: ["ocpp"], topics: [] })
    const told: string[] = []
    tokens.onRevoked(({ id }) => void told.push(id))
    await tokens.revoke(token.id)
    assert.equal(tokens.principalOfToken(secret), null)
    assert.deepEqual(told, [token.id])
    await assert.rejects(tokens.revoke(token.id), { code: "TOKEN_NOT_FOUND" })
    await assert.rejects(tokens.revoke("run"), { code: "TOKEN_NOT_FOUND" })
  })

  it("are bounded in number", async () => {
    const store = new MemoryStore()
    const base = { v: 1, name: null, scope: "read", services: [], topics: [], createdMs: 0, hash: "" }
    const ids = Array.from({ length: TOKENS_MAX }, (_, i) => `t${String(i).padStart(9, "0")}`)
    await store.write(ids.map((id) => ({ put: TABLE.token, key: [id], value: { ...base, id } })))
    await assert.rejects(fresh(store).create({ services: [], topics: [] }), { code: "TOO_MANY_TOKENS" })
  })

  it("have names of their own, if any", async () => {
    const tokens = fresh()
    await tokens.create({ name: "panel", services: [], topics: [] })
    await tokens.create({ services: [], topics: [] })
    await tokens.create({ services: [], topics: [] })
    await assert.rejects(tokens.create({ name: "panel", services: [], topics: [] }), { code: "TOKEN_INVALID" })
  })

  const requests = [
    { name: "a service scope without a service", scope: "service", services: [], topics: [] },
    { name: "a device without topics", scope: "device", services: [], topics: [] },
    { name: "a device with a service", scope: "device", services: ["ocpp"], topics: ["a/#"] },
    { name: "topics of no device", scope: "read", services: [], topics: ["a/#"] },
    { name: "no topic filter", scope: "device", services: [], topics: ["a/#/b"] },
    { name: "every topic", scope: "device", services: [], topics: ["#"] },
    { name: "a wildcard for the first level", scope: "device", services: [], topics: ["+/state"] },
    { name: "the agent's own topics", scope: "device", services: [], topics: ["mesg/v1/ocpp/event/x"] },
    { name: "the root of the agent's topics", scope: "device", services: [], topics: ["mesg"] },
    { name: "system topics", scope: "device", services: [], topics: ["$SYS/#"] },
  ] as const
  for (const { name, ...request } of requests) {
    it(`are refused for ${name}`, () => assert.rejects(fresh().create(request), { code: "TOKEN_INVALID" }))
  }
})

describe("the MQTT rights of a token", () => {
  const base = { id: "t", name: null, createdMs: 0 }
  const service = principalOf({ ...base, scope: "service", services: ["ocpp"], topics: [] })
  const device = principalOf({ ...base, scope: "device", services: [], topics: ["zigbee2mqtt/#"] })
  const reader = principalOf({ ...base, scope: "read", services: [], topics: [] })
  const owner = principalOf({ ...base, id: "run", scope: "admin", services: [], topics: [] })
  const cases: [
    who: string,
    { publish: readonly string[]; subscribe: readonly string[] },
    topic: string,
    may: string,
  ][] = [
    ["a service", service, "mesg/v1/ocpp/manifest", "publish"],
    ["a service", service, "mesg/v1/ocpp/event/stopped", "publish"],
    ["a service", service, "mesg/v1/ocpp/event/stopped/id-1", "publish"],
    ["a service", service, "mesg/v1/ocpp/result/ex_1.pay", "publish"],
    ["a service", service, "mesg/v1/ocpp/task/set-standby", "subscribe"],
    ["a service", service, "mesg/v1/ocpp/verify/set-standby", "subscribe"],
    ["a service", service, "mesg/v1/ocpp/recover/set-standby", "subscribe"],
    ["a service", service, "mesg/v1/ocpp/status", "subscribe"],
    ["a service", service, "mesg/v1/http/event/stopped", ""],
    ["a service", service, "mesg/v1/http/task/request", ""],
    ["a service", service, "mesg/v1/feed/event/ocpp/stopped", ""],
    ["a service", service, "zigbee2mqtt/lamp", ""],
    ["a device", device, "zigbee2mqtt/lamp/set", "publish subscribe"],
    ["a device", device, "tele/lamp", ""],
    ["a device", device, "mesg/v1/ocpp/event/stopped", ""],
    ["a reader", reader, "mesg/v1/feed/execution/app/workflow", "subscribe"],
    ["a reader", reader, "mesg/v1/ocpp/task/set-standby", ""],
    ["the owner", owner, "mesg/v1/ocpp/event/stopped", "publish subscribe"],
    ["the owner", owner, "$SYS/broker/uptime", "subscribe"],
  ]
  for (const [who, principal, topic, may] of cases) {
    it(`let ${who} ${may === "" ? "do nothing with" : may.replace(" ", " and ")} ${topic}`, () => {
      const rights = (["publish", "subscribe"] as const).filter((right) =>
        principal[right].some((filter) => topicMatches(filter, topic)),
      )
      assert.equal(rights.join(" "), may)
    })
  }

  it("end with the token: its streams are closed when it is revoked", async () => {
    const server = await startApiServer()
    try {
      const { secret, token } = await server.tokens.create({ scope: "read", services: [], topics: [] })
      const response = await fetch(new URL("/api/v1/stream", server.url), {
        headers: { authorization: `Bearer ${secret}` },
      })
      assert.equal(response.status, 200)
      await server.tokens.revoke(token.id)
      await response.text()
    } finally {
      await server.stop()
    }
  })
})
