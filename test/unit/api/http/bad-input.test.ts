import assert from "node:assert/strict"
import { connect } from "node:net"
import { once } from "node:events"
import fc from "fast-check"
import type { Problem } from "../../../../agent/api/http/problem.ts"
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_HEADER_BYTES_MAX,
  HTTP_HEADERS_TIMEOUT_MS,
  JSON_DEPTH_MAX,
} from "../../../../agent/base/limits.ts"
import { type ApiServer, type CallOptions, startApiServer } from "../../../support/api-server.ts"
import { scaled } from "../../../support/scale.ts"

const EMIT = "/api/v1/services/ocpp/events/transaction-stopped"

interface Case {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly options?: CallOptions
  readonly status: number
  readonly code: string
  /** JSON pointers that the problem names. */
  readonly pointers?: readonly string[]
}

const nested = (depth: number) => `{"data":${"[".repeat(depth)}${"]".repeat(depth)}}`

const cases: readonly Case[] = [
  { name: "no body", method: "POST", path: EMIT, status: 400, code: "BODY_MISSING" },
  {
    name: "a body that is no JSON",
    method: "POST",
    path: EMIT,
    options: { raw: '{"data":' },
    status: 400,
    code: "BODY_NOT_JSON",
  },
  {
    name: "a number that no double holds",
    method: "POST",
    path: EMIT,
    options: { raw: '{"data":{"n":1e400}}' },
    status: 400,
    code: "BODY_VALUE_INVALID",
  },
  {
    name: "half a surrogate pair",
    method: "POST",
    path: EMIT,
    options: { raw: String.raw`{"data":{"t":"\ud800"}}` },
    status: 400,
    code: "BODY_VALUE_INVALID",
  },
  {
    name: "invalid UTF-8",
    method: "POST",
    path: EMIT,
    options: { raw: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) },
    status: 400,
    code: "BODY_NOT_UTF8",
  },
  {
    name: "another content type",
    method: "POST",
    path: EMIT,
    options: { raw: "data=1", headers: { "content-type": "application/x-www-form-urlencoded" } },
    status: 415,
    code: "CONTENT_TYPE_UNSUPPORTED",
  },
  {
    name: "JSON that nests too deep",
    method: "POST",
    path: EMIT,
    options: { raw: nested(JSON_DEPTH_MAX + 1) },
    status: 400,
    code: "BODY_TOO_DEEP",
  },
  {
    name: "JSON that nests 100,000 deep",
    method: "POST",
    path: EMIT,
    options: { raw: nested(100_000) },
    status: 400,
    code: "BODY_TOO_DEEP",
  },
  {
    name: "a body over the limit",
    method: "POST",
    path: EMIT,
    options: { raw: `{"data":"${"x".repeat(HTTP_BODY_BYTES_MAX)}"}` },
    status: 413,
    code: "BODY_TOO_LARGE",
  },
  {
    name: "a body where none is taken",
    method: "POST",
    path: "/api/v1/applications/x:pause",
    options: { body: {} },
    status: 400,
    code: "BODY_UNEXPECTED",
  },
  {
    name: "a missing field",
    method: "POST",
    path: EMIT,
    options: { body: {} },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/data"],
  },
  {
    name: "an unknown field",
    method: "POST",
    path: EMIT,
    options: { body: { data: {}, dta: 1 } },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/dta"],
  },
  {
    name: "several wrong fields, each named",
    method: "POST",
    path: "/api/v1/services",
    options: { body: { source: "relative", trust: "yes" } },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/source", "/body/trust"],
  },
  {
    name: "an array for a body",
    method: "POST",
    path: EMIT,
    options: { body: [] },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body"],
  },
  ...["/api/v1/services", "/api/v1/applications", "/api/v1/executions", "/api/v1/events/refused", "/api/v1/tokens"].map(
    (path) => ({
      name: `a cursor that ${path} never gave`,
      method: "GET",
      path: `${path}?cursor=${encodeURIComponent("Not/a cursor")}`,
      status: 422,
      code: "INPUT_INVALID",
      pointers: ["/query/cursor"],
    }),
  ),
  {
    name: "an event id that MQTT could not carry",
    method: "POST",
    path: EMIT,
    options: { body: { data: {}, id: "a/b" } },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/id"],
  },
  {
    name: "an application with the name that called tasks have in its place",
    method: "PUT",
    path: "/api/v1/applications/call",
    options: { body: {} },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/params/name"],
  },
  {
    name: "an empty event id",
    method: "POST",
    path: EMIT,
    options: { body: { data: {}, id: "" } },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/id"],
  },
  {
    name: "a service id in capitals",
    method: "GET",
    path: "/api/v1/services/OCPP",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/params/id"],
  },
  {
    name: "an execution id of another form",
    method: "GET",
    path: "/api/v1/executions/42",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/params/id"],
  },
  {
    name: "a limit of zero",
    method: "GET",
    path: "/api/v1/executions?limit=0",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/limit"],
  },
  {
    name: "a limit above the most",
    method: "GET",
    path: "/api/v1/executions?limit=1001",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/limit"],
  },
  {
    name: "an unknown query parameter",
    method: "GET",
    path: "/api/v1/executions?statsu=failed",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/statsu"],
  },
  {
    name: "a query parameter twice",
    method: "GET",
    path: "/api/v1/executions?app=a&app=b",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/app"],
  },
  {
    name: "an unknown status",
    method: "GET",
    path: "/api/v1/executions?status=done",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/status"],
  },
  {
    name: "a time that is none",
    method: "GET",
    path: "/api/v1/executions?since=yesterday",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/since"],
  },
  {
    name: "an unknown kind of the stream",
    method: "GET",
    path: "/api/v1/stream?kinds=event,blocks",
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/query/kinds/1"],
  },
  {
    name: "an application under another name",
    method: "PUT",
    path: "/api/v1/applications/one",
    options: { body: { name: "two", workflows: {} } },
    status: 422,
    code: "NAME_MISMATCH",
  },
  {
    name: "a token of an unknown scope",
    method: "POST",
    path: "/api/v1/tokens",
    options: { body: { scope: "root" } },
    status: 422,
    code: "INPUT_INVALID",
    pointers: ["/body/scope"],
  },
  {
    name: "an unknown service",
    method: "POST",
    path: "/api/v1/services/car/events/unplugged",
    options: { body: { data: {} } },
    status: 404,
    code: "UNKNOWN_SERVICE",
  },
  {
    name: "event data that breaks its schema",
    method: "POST",
    path: EMIT,
    options: { body: { data: { kwh: "much" } } },
    status: 422,
    code: "EVENT_DATA_INVALID",
  },
]

describe("bad input to the HTTP API", () => {
  let server: ApiServer
  before(async () => {
    server = await startApiServer()
  })
  after(() => server.stop())
  afterEach(() => assert.deepEqual(server.bugs(), []))

  for (const c of cases) {
    it(`${c.name} is ${c.status} ${c.code}`, async () => {
      const answer = await server.call(c.method, c.path, c.options)
      const problem = answer.body as Problem & { readonly errors?: { pointer: string }[] }
      assert.deepEqual([answer.status, problem.code], [c.status, c.code], JSON.stringify(problem))
      assert.equal(answer.headers.get("content-type"), "application/problem+json")
      assert.equal(problem.status, c.status)
      assert.ok(problem.remedy, `${problem.code} says what to do`)
      if (c.pointers !== undefined) {
        assert.deepEqual(
          problem.errors?.map(({ pointer }) => pointer),
          c.pointers,
        )
      }
    })
  }

  it("stops reading a body without a declared length at the limit", async () => {
    const { hostname, port, host } = new URL(server.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on("error", () => {}) // The server may reset while this still writes.
    socket.write(
      `POST ${EMIT} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${server.tokens.runToken}\r\n` +
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`
    for (let sent = 0; sent <= HTTP_BODY_BYTES_MAX; sent += 0x10000) socket.write(chunk)
    const [first] = (await once(socket, "data")) as [Buffer]
    socket.destroy()
    assert.match(first.toString(), /^HTTP\/1\.1 413 /)
  })

  const inWords: readonly [path: string, says: string][] = [
    ["/api/v1/executions?status=gone", "must be one of created, running, waiting, completed, failed, cancelled"],
    ["/api/v1/executions?since=yesterday", "must be a time such as 2026-01-31T12:00:00Z"],
    ["/api/v1/executions?limit=many", "a limit is a number from 1 to 1000"],
    ["/api/v1/logs?level=loud", "must be one of debug, info, warn, error"],
  ]
  for (const [path, says] of inWords) {
    it(`says of ${path} in plain words that it ${says}`, async () => {
      const { body } = await server.call("GET", path)
      const { detail } = body as { detail: string }
      assert.ok(detail.endsWith(`: ${says}`), detail)
    })
  }

  it("says of a token that is none where the ids are", async () => {
    const revoke = async (id: string) => (await server.call("DELETE", `/api/v1/tokens/${id}`)).body as Problem
    const [none, unknown] = [await revoke("nope"), await revoke("0000000000")]
    assert.deepEqual([none.code, unknown.code], ["INPUT_INVALID", "TOKEN_NOT_FOUND"])
    assert.match(none.detail, /is no token's id: `mesg token list` shows them/)
    assert.match(unknown.remedy ?? "", /mesg token list/)
  })

  it("ends a connection whose head does not come in time", async function () {
    this.timeout(2 * HTTP_HEADERS_TIMEOUT_MS)
    const { hostname, port } = new URL(server.url)
    const socket = connect({ host: hostname, port: Number(port) })
    const began = performance.now()
    socket.write("GET /healthz HTTP/1.1\r\n")
    const dripping = setInterval(() => socket.write("X-Slow: 1\r\n"), 500)
    const [first] = (await once(socket, "data")) as [Buffer]
    const tookMs = performance.now() - began
    clearInterval(dripping)
    socket.destroy()
    assert.match(first.toString(), /^HTTP\/1\.1 408 [^]*"code":"REQUEST_TIMEOUT"/)
    assert.ok(tookMs >= HTTP_HEADERS_TIMEOUT_MS && tookMs < 1.5 * HTTP_HEADERS_TIMEOUT_MS, `after ${tookMs} ms`)
  })

  it("refuses a head over the limit", async () => {
    const { hostname, port, host } = new URL(server.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${"x".repeat(HTTP_HEADER_BYTES_MAX)}\r\n\r\n`)
    const [first] = (await once(socket, "data")) as [Buffer]
    socket.destroy()
    assert.match(first.toString(), /^HTTP\/1\.1 431 /)
  })

  it("goes on after a connection that ended inside a body", async () => {
    const { hostname, port, host } = new URL(server.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(
      `POST ${EMIT} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${server.tokens.runToken}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"data":',
    )
    await once(socket, "connect")
    socket.destroy()
    assert.equal((await server.call("GET", "/api/v1/status")).status, 200)
  })

  it("never answers 5xx, whatever JSON is sent to whatever route", async () => {
    const routes = ["services/ocpp/tasks/x", "services/ocpp/events/x", "applications:validate", "tokens", "services"]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), fc.jsonValue({ maxDepth: 5 }), async (route, body) => {
        const answer = await server.call("POST", `/api/v1/${route}`, { body })
        assert.ok(answer.status < 500, `${route} ${JSON.stringify(body)}: ${answer.status}`)
      }),
      { numRuns: scaled(200, 5000) },
    )
  })
})
