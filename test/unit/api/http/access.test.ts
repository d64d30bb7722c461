import assert from "node:assert/strict"
import { connect } from "node:net"
import { once } from "node:events"
import { OPERATIONS } from "../../../../agent/api/operations/table.ts"
import { scopeCovers, TOKEN_SCOPES, type TokenScope } from "../../../../agent/api/operations/operation.ts"
import { AUTH_ADDRESSES_MAX, AUTH_FAILURES_MAX, AUTH_FAILURES_WINDOW_MS } from "../../../../agent/base/limits.ts"
import { Authentication } from "../../../../agent/api/http/auth.ts"
import { isLoopback } from "../../../../agent/api/http/app.ts"
import { checkOrigins } from "../../../../agent/api/http/guard.ts"
import { ConfigSchema } from "../../../../agent/schema/config.ts"
import * as v from "valibot"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"

/** A path that reaches the operation's handler, whatever it then says. */
function somePath(path: string): string {
  return path
    .replace("{id}", "ocpp")
    .replace("{key}", "mqtt.port")
    .replace(/\{\w+\}/g, "x")
}

const code = (body: unknown) => (body as { code?: string }).code

describe("access to the HTTP API", () => {
  let server: ApiServer
  before(async () => {
    server = await startApiServer()
  })
  after(() => server.stop())

  it("answers 2xx without a token only at / and /healthz", async () => {
    const open: string[] = []
    for (const { method, path } of OPERATIONS) {
      const answer = await server.call(method, somePath(path), {
        token: null,
        ...(method === "GET" ? {} : { body: {} }),
      })
      if (answer.status < 300) open.push(path)
      else assert.deepEqual([answer.status, code(answer.body)], [401, "UNAUTHENTICATED"], `${method} ${path}`)
    }
    assert.deepEqual(open, ["/", "/healthz"])
    assert.equal(server.core.asked.length, 0)
  })

  it("tells those without a token nothing of which other paths there are", async () => {
    for (const path of ["/index.html", "/api", "/api/v1/nothing", "/%2e%2e/etc/passwd", "/mqtt", "/api/v1/status/"]) {
      for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
        const answer = await server.call(method, path, { token: null })
        assert.equal(answer.status, 401, `${method} ${path}`)
      }
    }
  })

  it("says at / what it is, to programs and to browsers, and nothing of this gateway", async () => {
    const json = await server.call("GET", "/", { token: null })
    const page = await server.call("GET", "/", { token: null, headers: { accept: "text/html,*/*" } })
    assert.equal((json.body as { openapi: string }).openapi, "/api/v1/openapi.json")
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/)
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/)
    for (const { body } of [json, page]) {
      const text = JSON.stringify(body)
      assert.ok(text.includes("MESG Edge") && text.includes("/api/v1"))
      for (const own of [server.deps.agent.version, server.deps.agent.nodeKey, server.home]) {
        assert.ok(!text.includes(own), own)
      }
    }
  })

  it("takes a token from the Authorization header alone", async () => {
    const token = server.tokens.runToken
    const inUrl = await server.call("GET", `/api/v1/status?token=${token}&access_token=${token}`, { token: null })
    assert.equal(inUrl.status, 401)
    const inCookie = await server.call("GET", "/api/v1/status", { token: null, headers: { cookie: `token=${token}` } })
    assert.equal(inCookie.status, 401)
    const basic = await server.call("GET", "/api/v1/status", {
      token: null,
      headers: { authorization: `Basic ${token}` },
    })
    assert.equal(basic.status, 401)
  })

  it("lets each scope call what it covers and nothing else", async function () {
    // A request for each scope and operation: on a busy machine more than the usual time.
    this.timeout(60_000)
    for (const scope of TOKEN_SCOPES) {
      const { secret } = await server.tokens.create(tokenRequest(scope))
      for (const operation of OPERATIONS) {
        if (operation.id === "stream.follow" && scopeCovers(scope, operation.scope)) continue
        // An empty body keeps every handler from doing anything: what is allowed is refused for its input.
        const body = operation.method === "GET" ? {} : { raw: "not json" }
        const answer = await server.call(operation.method, somePath(operation.path), { ...body, token: secret })
        const ownEvent = scope === "service" && operation.id === "event.emit"
        const allowed = operation.scope === "none" || scopeCovers(scope, operation.scope) || ownEvent
        const context = `${scope} at ${operation.id}: ${JSON.stringify(answer.body)}`
        assert.equal(code(answer.body) !== "FORBIDDEN", allowed, context)
        if (!allowed) assert.equal(answer.status, 403, context)
      }
    }
  })

  it("lets a service's token send that service's events and no other's", async () => {
    const { secret } = await server.tokens.create({ services: ["ocpp"], topics: [] })
    const own = await server.call("POST", "/api/v1/services/ocpp/events/transaction-stopped", {
      token: secret,
      body: { data: { kwh: 1 } },
    })
    assert.equal(own.status, 202)
    const other = await server.call("POST", "/api/v1/services/http/events/x", { token: secret, body: { data: {} } })
    assert.deepEqual([other.status, code(other.body)], [403, "FORBIDDEN"])
  })

  it("shows the log only from scope operate on", async () => {
    const { secret } = await server.tokens.create({ scope: "read", services: [], topics: [] })
    const answer = await server.call("GET", "/api/v1/stream?kinds=log", { token: secret })
    assert.deepEqual([answer.status, code(answer.body)], [403, "FORBIDDEN"])
  })

  it("serves /metrics without a token only where it is set, and only on loopback", async () => {
    const open = await startApiServer({ config: { http: { metrics: true } } })
    try {
      assert.equal((await open.call("GET", "/metrics", { token: null })).status, 200)
      const wrong = await open.call("GET", "/metrics", { headers: { authorization: "Bearer wrong" } })
      assert.equal(wrong.status, 401)
    } finally {
      await open.stop()
    }
    const cases = [
      ["127.0.0.1", true],
      ["127.9.9.9", true],
      ["::1", true],
      ["::ffff:127.0.0.1", true],
      ["192.168.1.2", false],
      ["::ffff:10.0.0.1", false],
      ["", false],
    ] as const
    for (const [address, expected] of cases) assert.equal(isLoopback(address), expected, address)
  })

  it("sends the security headers with every answer, refused or not", async () => {
    for (const path of ["/healthz", "/api/v1/status", "/nothing", "/hooks/nothing"]) {
      const { headers } = await server.call("GET", path)
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'; frame-ancestors 'none'/, path)
      assert.equal(headers.get("x-content-type-options"), "nosniff", path)
      assert.equal(headers.get("cache-control"), "no-store", path)
      assert.equal(headers.get("access-control-allow-origin"), null, path)
    }
  })
})

function tokenRequest(scope: TokenScope) {
  return { scope, services: scope === "service" ? ["ocpp"] : [], topics: scope === "device" ? ["zigbee2mqtt/#"] : [] }
}

describe("wrong tokens", () => {
  it("are told to wait after the limit, while the right one still passes", async () => {
    const server = await startApiServer()
    try {
      const wrong = () => server.call("GET", "/api/v1/status", { token: `mesg_run_${"0".repeat(64)}` })
      for (let i = 0; i < AUTH_FAILURES_MAX; i++) assert.equal((await wrong()).status, 401)
      const limited = await wrong()
      assert.deepEqual([limited.status, code(limited.body)], [429, "RATE_LIMITED"])
      assert.equal(limited.headers.get("retry-after"), String(AUTH_FAILURES_WINDOW_MS / 1000))
      assert.equal((await server.call("GET", "/api/v1/status")).status, 200)
      server.clock.advance(AUTH_FAILURES_WINDOW_MS + 1)
      assert.equal((await wrong()).status, 401)
    } finally {
      await server.stop()
    }
  })

  it("of more addresses than are remembered cost no more memory, and the newest are still counted", async () => {
    const server = await startApiServer()
    await server.stop()
    const authentication = new Authentication(server.tokens, () => 0)
    const attempt = (address: string) => {
      try {
        authentication.bearer("Bearer wrong", address)
        return "taken"
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    for (let i = 0; i <= AUTH_FAILURES_MAX; i++) attempt("10.0.0.1")
    assert.equal(attempt("10.0.0.1"), "RATE_LIMITED")
    for (let i = 0; i < AUTH_ADDRESSES_MAX; i++) attempt(`10.1.${i >> 8}.${i & 255}`)
    assert.equal(attempt("10.0.0.1"), "UNAUTHENTICATED", "the oldest address was forgotten")
    for (let i = 0; i < AUTH_FAILURES_MAX; i++) attempt("10.1.3.255")
    assert.equal(attempt("10.1.3.255"), "RATE_LIMITED")
  })
})

describe("Host and Origin", () => {
  const http = v.parse(ConfigSchema, { http: { hosts: ["gateway.local"], origins: ["https://panel.example"] } }).http
  const cases: { host?: string; origin?: string; code: string | null }[] = [
    { host: "127.0.0.1:6374", code: null },
    { host: "localhost", code: null },
    { host: "LOCALHOST:6374", code: null },
    { host: "[::1]:6374", code: null },
    { host: "192.168.1.7:6374", code: null },
    { host: "gateway.local:6374", code: null },
    { host: "evil.example", code: "HOST_NOT_ALLOWED" },
    { host: "127.0.0.1.evil.example", code: "HOST_NOT_ALLOWED" },
    { host: "localhost.evil.example", code: "HOST_NOT_ALLOWED" },
    { host: "user@127.0.0.1", code: "HOST_NOT_ALLOWED" },
    { host: "", code: "HOST_NOT_ALLOWED" },
    { code: "HOST_NOT_ALLOWED" },
    { host: "127.0.0.1:6374", origin: "http://127.0.0.1:6374", code: null },
    { host: "127.0.0.1:6374", origin: "https://127.0.0.1:6374", code: null },
    { host: "127.0.0.1:6374", origin: "https://panel.example", code: null },
    { host: "127.0.0.1:6374", origin: "http://127.0.0.1:8080", code: "ORIGIN_NOT_ALLOWED" },
    { host: "127.0.0.1:6374", origin: "https://evil.example", code: "ORIGIN_NOT_ALLOWED" },
    { host: "127.0.0.1:6374", origin: "null", code: "ORIGIN_NOT_ALLOWED" },
    { host: "127.0.0.1:6374", origin: "https://panel.example.evil", code: "ORIGIN_NOT_ALLOWED" },
  ]
  for (const { host, origin, code: expected } of cases) {
    it(`${host ?? "no host"}${origin === undefined ? "" : ` from ${origin}`}: ${expected ?? "allowed"}`, () => {
      const check = () => {
        checkOrigins({ host, origin }, http)
      }
      if (expected === null) assert.doesNotThrow(check)
      else assert.throws(check, { code: expected })
    })
  }

  it("lets pages of an allowed origin call, and says so to their browser", async () => {
    const server = await startApiServer({ config: { http: { origins: ["https://panel.example"] } } })
    try {
      const origin = "https://panel.example"
      const preflight = await server.call("OPTIONS", "/api/v1/status", { token: null, headers: { origin } })
      assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, origin])
      const answer = await server.call("GET", "/api/v1/status", { headers: { origin } })
      assert.deepEqual([answer.status, answer.headers.get("access-control-allow-origin")], [200, origin])
      const other = await server.call("OPTIONS", "/api/v1/status", { headers: { origin: "https://evil.example" } })
      assert.deepEqual([other.status, code(other.body)], [403, "ORIGIN_NOT_ALLOWED"])
    } finally {
      await server.stop()
    }
  })
})

describe("an upgrade to WebSocket", () => {
  let server: ApiServer
  before(async () => {
    server = await startApiServer()
  })
  after(() => server.stop())

  const cases = [
    { name: "at /mqtt is the broker's", path: "/mqtt", headers: "", status: 101 },
    { name: "at /mqtt with a query is the broker's", path: "/mqtt?x=1", headers: "", status: 101 },
    { name: "elsewhere is refused", path: "/api/v1/status", headers: "", status: 404 },
    { name: "from a foreign page is refused", path: "/mqtt", headers: "Origin: https://evil.example\r\n", status: 403 },
    { name: "for a foreign host is refused", path: "/mqtt", headers: "", host: "evil.example", status: 421 },
  ]
  for (const c of cases) {
    it(c.name, async () => {
      const before = server.upgrades.length
      const { hostname, port, host } = new URL(server.url)
      const socket = connect({ host: hostname, port: Number(port) })
      socket.write(
        `GET ${c.path} HTTP/1.1\r\nHost: ${c.host ?? host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${c.headers}\r\n`,
      )
      const [first] = (await once(socket, "data")) as [Buffer]
      socket.destroy()
      assert.equal(first.toString().slice(9, 12), String(c.status))
      assert.equal(server.upgrades.length - before, c.status === 101 ? 1 : 0)
    })
  }
})
