import assert from "node:assert/strict"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { toHex } from "../../../../agent/base/bytes.ts"
import { MesgError } from "../../../../agent/base/errors.ts"
import { HTTP_WAIT_S_MAX, HTTP_WAITS_MAX } from "../../../../agent/base/limits.ts"
import { chainIdOf, encodeGenesis } from "../../../../agent/core/ledger/genesis.ts"
import { ApiError } from "../../../../agent/api/errors.ts"
import { problemOf, problemResponse, statusOfCode } from "../../../../agent/api/http/problem.ts"
import { SCHEMAS } from "../../../../agent/api/operations/schemas/table.ts"
import { OPERATIONS, type OperationId } from "../../../../agent/api/operations/table.ts"
import type { WebhookRequest } from "../../../../agent/ports/service-host.ts"
import type { ExecutionView } from "../../../../agent/schema/execution.ts"
import { type ApiServer, startApiServer } from "../../../support/api-server.ts"
import { refusal } from "../../../support/fake-core.ts"
import { homeOf, openNetwork } from "../../../support/home-network.ts"
import { signedGenesis, signedTransaction, transferTo } from "../../../support/ledger/signed.ts"
import { assertGolden } from "../../../support/golden.ts"

export const APPLICATION = {
  name: "ev-charging",
  workflows: {
    "charge-finished": {
      trigger: { service: "ocpp", event: "transaction-stopped" },
      tasks: { pay: { run: "ethereum.transfer" } },
    },
  },
}

const code = (body: unknown) => (body as { code?: string }).code

describe("answers of the HTTP API", () => {
  let server: ApiServer
  beforeEach(async () => {
    server = await startApiServer()
  })
  afterEach(async () => {
    await server.stop()
    assert.deepEqual(server.bugs(), [])
  })

  it("keep to the output schema of every operation", async () => {
    const { network, stop } = await openNetwork(homeOf("vera"))
    await server.stop()
    server = await startApiServer({ change: (deps) => ({ ...deps, network }) })
    const execution = server.core.startExecution("completed")
    const running = server.core.startExecution("running")
    const { token, secret } = await server.tokens.create({ services: ["ocpp"], topics: [] })
    server.core.refusedEvents.push({ service: "ocpp", event: "x", id: null, timeMs: 1, code: "C", reason: "r" })
    server.deps.log.info("a line", { n: 1 })
    const ocpp = "/api/v1/services/ocpp"
    const genesis = signedGenesis({ ann: 1000n }, { vera: 1000n })
    const transfer = signedTransaction(chainIdOf(genesis), "ann", 0, transferTo("bob", 5n))
    const requests: [OperationId, path: string, body?: unknown][] = [
      ["system.welcome", "/"],
      ["system.health", "/healthz"],
      ["system.ready", "/readyz"],
      ["system.metrics", "/metrics"],
      ["system.openapi", "/api/v1/openapi.json"],
      ["system.status", "/api/v1/status"],
      ["system.stop", "/api/v1/agent:stop"],
      ["system.doctor", "/api/v1/doctor"],
      ["system.logs", "/api/v1/logs?limit=5&level=info"],
      ["system.backup", "/api/v1/backup", { file: join(server.home, "copy.mesg") }],
      ["config.show", "/api/v1/config"],
      ["config.set", "/api/v1/config/mqtt.port", { value: 1884 }],
      ["config.change", "/api/v1/config", { values: { "mqtt.port": 1884, name: "shed" } }],
      ["token.list", "/api/v1/tokens"],
      ["token.create", "/api/v1/tokens", { name: "panel", scope: "operate" }],
      ["token.verify", "/api/v1/tokens:verify", { token: secret }],
      ["token.revoke", `/api/v1/tokens/${token.id}`],
      ["service.list", "/api/v1/services"],
      ["service.show", ocpp],
      ["service.add", "/api/v1/services", { source: "/srv/thermometer" }],
      ["service.configure", `${ocpp}/config`, { url: "ws://x" }],
      ["service.call", `${ocpp}/tasks/set-standby`, { inputs: {} }],
      ["event.emit", `${ocpp}/events/transaction-stopped`, { data: { kwh: 3 }, id: "e1" }],
      ["event.refused", "/api/v1/events/refused"],
      ["application.validate", "/api/v1/applications:validate", APPLICATION],
      [
        "application.dryRun",
        "/api/v1/applications:dry-run",
        { application: APPLICATION, data: { kwh: 1 }, outcomes: { pay: { status: "sent" } } },
      ],
      [
        "application.deploy",
        "/api/v1/applications/ev-charging",
        { application: APPLICATION, config: { supplier: "x" } },
      ],
      ["application.list", "/api/v1/applications"],
      ["application.show", "/api/v1/applications/ev-charging"],
      ["application.pause", "/api/v1/applications/ev-charging:pause"],
      ["application.resume", "/api/v1/applications/ev-charging:resume"],
      ["application.run", "/api/v1/applications/ev-charging:run", { data: { kwh: 1 } }],
      ["application.remove", "/api/v1/applications/ev-charging"],
      ["execution.list", "/api/v1/executions?app=ev-charging&status=completed&since=2023-01-01T00:00:00Z"],
      ["execution.show", `/api/v1/executions/${execution.id}`],
      ["execution.cancel", `/api/v1/executions/${running.id}:cancel`],
      ["execution.retry", `/api/v1/executions/${execution.id}:retry`],
      ["service.remove", ocpp],
      ["network.status", "/api/v1/network"],
      ["network.blocks", "/api/v1/network/blocks"],
      ["network.validators", "/api/v1/network/validators"],
      ["network.join", "/api/v1/network:join", { genesis: toHex(encodeGenesis(genesis)) }],
      ["transaction.submit", "/api/v1/transactions:submit", { transaction: toHex(transfer) }],
      ["network.leave", "/api/v1/network:leave", {}],
      ["network.init", "/api/v1/network:init", { name: "farm" }],
      ["network.genesis", "/api/v1/network/genesis"],
      ["network.enrolment", "/api/v1/network/enrolment"],
      ["network.approve", "/api/v1/network:approve", {}],
      ["account.create", "/api/v1/accounts", { name: "till" }],
      ["account.import", "/api/v1/accounts:import", { name: "safe", seed: "ab".repeat(32) }],
      ["account.export", "/api/v1/accounts/till:export"],
      ["account.list", "/api/v1/accounts"],
      ["account.show", "/api/v1/accounts/main"],
      ["account.stake", "/api/v1/accounts/main/stake"],
      ["transaction.send", "/api/v1/transactions", { kind: "unjail" }],
      ["transaction.show", "/api/v1/transactions/SENT"],
      ["market.list", "/api/v1/market"],
    ]
    let sent = ""
    for (const [id, path, body] of requests) {
      const operation = OPERATIONS.find((one) => one.id === id)!
      const answer = await server.call(operation.method, path.replace("SENT", sent), body === undefined ? {} : { body })
      if (id === "transaction.send") sent = (answer.body as { id: string }).id
      assert.equal(answer.status, operation.status, `${id}: ${JSON.stringify(answer.body)}`)
      const { output } = SCHEMAS[id] as { output?: v.GenericSchema }
      if (output === undefined) continue
      const checked = v.safeParse(output, answer.body)
      assert.ok(
        checked.success,
        `${id}: ${JSON.stringify(checked.issues?.[0]?.message)} ${JSON.stringify(answer.body)}`,
      )
      // Valibot drops what the schema does not name: nothing else may leave the agent.
      assert.deepEqual(checked.output, answer.body, id)
    }
    const covered = new Set<string>(requests.map(([id]) => id))
    assert.deepEqual(
      OPERATIONS.map(({ id }) => id).filter((id) => !covered.has(id)),
      ["stream.follow"],
    )
    assert.equal(server.stops.count, 1)
    await stop()
  })

  it("has exactly the promised status", async () => {
    const { body } = await server.call("GET", "/api/v1/status")
    const shape = (value: unknown): unknown =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
        : Array.isArray(value)
          ? []
          : typeof value
    assert.deepEqual(shape(body), {
      version: "string",
      node: "string",
      uptimeMs: "number",
      addresses: { mqtt: "string", http: "string", p2p: [] },
      events: { accepted: "number", duplicates: "number" },
      executions: { running: "number", waiting: "number", completed: "number", failed: "number" },
      alarm: "object",
    })
  })

  it("takes an application as it is, or with its settings", async () => {
    const config = { supplier: "0xabc" }
    await server.call("PUT", "/api/v1/applications/ev-charging", { body: APPLICATION })
    await server.call("PUT", "/api/v1/applications/ev-charging", { body: { application: APPLICATION, config } })
    assert.deepEqual(
      server.core.asked.map(({ input }) => input),
      [
        { document: APPLICATION, config: {} },
        { document: APPLICATION, config },
      ],
    )
  })

  it("names every broken rule of a refused application", async () => {
    const refusals = [
      { rule: "CYCLE", path: "/workflows/a/tasks/b", message: "goes in a circle", remedy: "cut it" },
    ] as const
    server.core.refusals = [...refusals]
    const answer = await server.call("PUT", "/api/v1/applications/ev-charging", { body: APPLICATION })
    assert.equal(answer.status, 422)
    assert.deepEqual((answer.body as { refusals: unknown }).refusals, refusals)
    const verdict = await server.call("POST", "/api/v1/applications:validate", { body: APPLICATION })
    assert.deepEqual([verdict.status, verdict.body], [200, { ok: false, refusals, warnings: [] }])
  })

  it("waits for a task as long as Prefer says, and answers 202 where it takes longer", async () => {
    const path = "/api/v1/services/ocpp/tasks/set-standby"
    const call = (prefer: string) => server.call("POST", path, { body: { inputs: {} }, headers: { prefer } })
    const ended = await call("wait=10")
    assert.equal(ended.status, 200)
    assert.deepEqual(
      { ...(ended.body as object), execution: "" },
      { execution: "", status: "ok", data: { done: true } },
    )
    server.core.callEnds = null
    const late = await call("respond-async, wait=10")
    assert.equal(late.status, 202)
    assert.deepEqual(Object.keys(late.body as object), ["execution"])
    await call("wait=100000")
    const waits = server.core.asked.map(({ input }) => (input as { waitMs: number }).waitMs)
    assert.deepEqual(waits, [10_000, 10_000, HTTP_WAIT_S_MAX * 1000])
  })

  it("lets so many callers wait and no more: the others get their 202 at once", async () => {
    const gate = Promise.withResolvers<void>()
    server.core.callGate = gate.promise
    const call = () => {
      const headers = { prefer: "wait=10" }
      return server.call("POST", "/api/v1/services/ocpp/tasks/set-standby", { body: { inputs: {} }, headers })
    }
    const waiting = Array.from({ length: HTTP_WAITS_MAX }, call)
    while (server.core.asked.length < HTTP_WAITS_MAX) await new Promise(setImmediate)
    assert.equal((await call()).status, 202)
    gate.resolve()
    assert.deepEqual(new Set((await Promise.all(waiting)).map(({ status }) => status)), new Set([200]))
    assert.equal((await call()).status, 200)
  })

  it("never shows a secret setting of a service", async () => {
    const { body } = await server.call("GET", "/api/v1/services/ocpp")
    assert.deepEqual((body as { config: unknown }).config, { url: "ws://charger", password: "(secret)" })
    assert.ok(!JSON.stringify(body).includes("canary-secret"))
  })

  it("pages through a list without gap or repeat", async () => {
    const all = Array.from({ length: 7 }, () => server.core.startExecution("completed").id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`
      const { body } = await server.call("GET", `/api/v1/executions?limit=3${query}`)
      const page = body as { items: ExecutionView[]; cursor: string | null }
      assert.ok(page.items.length <= 3)
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.cursor
    } while (cursor !== null)
    assert.deepEqual(seen, all)
  })

  it("say whose a token is, and that another one is nobody's", async () => {
    const { token, secret } = await server.tokens.create({ name: "panel", scope: "read", services: [], topics: [] })
    const verify = (text: string) => server.call("POST", "/api/v1/tokens:verify", { body: { token: text } })
    const found = (await verify(secret)).body as { id: string; scope: string }
    assert.deepEqual([found.id, found.scope], [token.id, "read"])
    assert.equal(JSON.stringify(found).includes(secret), false)
    for (const wrong of [secret.replace(/.$/, (last) => (last === "0" ? "1" : "0")), "", token.id]) {
      const answer = await verify(wrong)
      assert.deepEqual([answer.status, code(answer.body)], [404, "TOKEN_NOT_FOUND"], wrong)
    }
  })

  it("pages through tokens while some of them are revoked", async () => {
    for (let i = 0; i < 5; i++) await server.tokens.create({ services: [], topics: [] })
    const first = (await server.call("GET", "/api/v1/tokens?limit=2")).body as {
      items: { id: string }[]
      cursor: string
    }
    await server.call("DELETE", `/api/v1/tokens/${first.items[1]!.id}`)
    const rest = (await server.call("GET", `/api/v1/tokens?limit=100&cursor=${first.cursor}`)).body as typeof first
    assert.equal(rest.items.length, 3)
    assert.equal(rest.cursor, null)
  })

  it("says in Retry-After when to come back under overload", async () => {
    server.core.nextError = refusal("OVERLOADED", "too many executions run")
    const answer = await server.call("POST", "/api/v1/services/ocpp/events/transaction-stopped", {
      body: { data: { kwh: 1 } },
    })
    assert.deepEqual([answer.status, code(answer.body), answer.headers.get("retry-after")], [429, "OVERLOADED", "1"])
  })

  it("writes a backup on the gateway once, whole and nowhere else", async () => {
    const file = join(server.home, "gateway.mesg")
    const answer = await server.call("POST", "/api/v1/backup", { body: { file } })
    assert.deepEqual(answer.body, { file, bytes: 14 })
    assert.equal(readFileSync(file, "utf8"), "the whole home")
    const again = await server.call("POST", "/api/v1/backup", { body: { file } })
    assert.deepEqual([again.status, code(again.body)], [500, "BACKUP_FAILED"])
    const nowhere = await server.call("POST", "/api/v1/backup", { body: { file: join(server.home, "none/x") } })
    assert.deepEqual([nowhere.status, code(nowhere.body)], [500, "BACKUP_FAILED"])
    assert.deepEqual(readdirSync(server.home).sort(), ["gateway.mesg", "run"])
  })

  it("sends a backup and leaves no file behind", async () => {
    const answer = await server.call("POST", "/api/v1/backup", { body: {} })
    assert.deepEqual([answer.status, answer.body], [200, "the whole home"])
    assert.equal(answer.headers.get("content-type"), "application/octet-stream")
    assert.deepEqual(readdirSync(server.home), ["run"])
  })
})

describe("a bug in a handler", () => {
  it("is 500 INTERNAL without its words, which the log has, and the next request is answered", async () => {
    const server = await startApiServer()
    server.core.nextError = new TypeError("canary: undefined is not a function")
    try {
      const answer = await server.call("POST", "/api/v1/services/ocpp/tasks/x", { body: { inputs: {} } })
      assert.deepEqual([answer.status, code(answer.body)], [500, "INTERNAL"])
      assert.ok(!JSON.stringify(answer.body).includes("canary"))
      const [bug, ...others] = server.bugs()
      assert.deepEqual([bug?.["path"], others], ["/api/v1/services/ocpp/tasks/x", []])
      assert.match(String(bug?.["error"]), /canary/)
      assert.equal((await server.call("GET", "/api/v1/status")).status, 200)
    } finally {
      await server.stop()
    }
  })
})

describe("webhooks", () => {
  let server: ApiServer
  beforeEach(async () => {
    server = await startApiServer()
  })
  afterEach(() => server.stop())

  it("reach the service that listens, without a token, with method, path, query, headers and body", async () => {
    server.core.webhookAnswer = { status: 201, body: "thanks", headers: { "X-Seen": "1" } }
    const answer = await server.call("POST", "/hooks/car/door?open=1", {
      token: null,
      raw: new Uint8Array([0xff, 0x00]),
      headers: { "x-signature": "s" },
    })
    assert.deepEqual([answer.status, answer.body, answer.headers.get("x-seen")], [201, "thanks", "1"])
    const { method, path, query, headers, body } = server.core.asked[0]!.input as WebhookRequest
    assert.deepEqual(
      [method, path, { ...query }, headers["x-signature"], [...body]],
      ["POST", "car/door", { open: "1" }, "s", [0xff, 0]],
    )
  })

  it("may not set cookies nor lift our security headers", async () => {
    const headers = { "set-cookie": "a=b", "content-security-policy": "default-src *", "x-frame-options": "ALLOWALL" }
    server.core.webhookAnswer = { status: 200, headers }
    const answer = await server.call("GET", "/hooks/car", { token: null })
    assert.equal(answer.headers.get("set-cookie"), null)
    assert.match(answer.headers.get("content-security-policy")!, /^default-src 'none'/)
    assert.equal(answer.headers.get("x-frame-options"), "DENY")
  })

  for (const answer of [
    { status: 200, headers: { location: "/a\r\nset-cookie: a=b" } },
    { status: 200, headers: { "x-count": "\u{1f697}" } },
    { status: Number.NaN },
    { status: 200.5 },
  ]) {
    it(`that cannot be sent, ${JSON.stringify(answer)}, are 502 and no bug of ours`, async () => {
      server.core.webhookAnswer = answer
      const sent = await server.call("GET", "/hooks/car", { token: null })
      assert.equal(sent.status, 502)
      assert.equal(sent.headers.get("set-cookie"), null)
      assert.deepEqual(server.bugs(), [])
    })
  }

  it("where nobody listens are 404, and a service that throws is 502 and no bug of ours", async () => {
    const nobody = await server.call("POST", "/hooks/none", { token: null })
    assert.deepEqual([nobody.status, code(nobody.body)], [404, "HOOK_NOT_FOUND"])
    server.core.nextError = new Error("plugin broke")
    const broken = await server.call("POST", "/hooks/car", { token: null })
    assert.deepEqual([broken.status, code(broken.body)], [502, "HOOK_FAILED"])
    assert.deepEqual(server.bugs(), [])
  })
})

describe("problem details", () => {
  it("carry the code, what happened, what to do, and the fields of the error", () => {
    const problem = problemOf(refusal("APPLICATION_REFUSED", "it breaks a rule", { refusals: [] }))
    assert.deepEqual(problem, {
      refusals: [],
      type: "urn:mesg:problem:APPLICATION_REFUSED",
      title: "The request breaks a rule",
      status: 422,
      detail: "it breaks a rule",
      code: "APPLICATION_REFUSED",
      remedy: "look up APPLICATION_REFUSED",
    })
    const limited = problemResponse(problemOf(new ApiError({ code: "RATE_LIMITED", retryAfterS: 7 }, "wait")))
    assert.equal(limited.headers.get("retry-after"), "7")
    assert.equal(statusOfCode(new MesgError({ code: "NEVER_HEARD_OF" }, "x").code), 500)
  })

  it("give every code that a route names its status", () => {
    const named = OPERATIONS.flatMap(({ problems }) => problems)
    const own = readFileSync("agent/api/errors.ts", "utf8").matchAll(/"([A-Z][A-Z0-9_]+)"/g)
    const codes = [...new Set([...named, ...[...own].map(([, name]) => name!)])].sort()
    assert.ok(codes.length > 40)
    assertGolden("api/statuses.txt", codes.map((each) => `${statusOfCode(each)} ${each}\n`).join(""))
  })
})

describe("the HTTP server", () => {
  it("stops after a half start, and frees its port", async () => {
    const first = await startApiServer()
    const { port } = first.server.address()!
    const second = await startApiServer()
    await second.stop()
    await second.stop()
    assert.equal(second.server.address(), null)
    const busy = await startApiServer({
      change: (deps) => ({ ...deps, config: { ...deps.config, http: { ...deps.config.http, port } } }),
    }).then(
      () => null,
      (error: NodeJS.ErrnoException) => error.code,
    )
    assert.equal(busy, "HTTP_LISTEN_FAILED")
    await first.stop()
  })

  it("writes run/token and run/agent.json for their owner alone, or for a group too", async () => {
    const server = await startApiServer()
    await server.stop()
    const mode = (name: string) => statSync(join(server.home, "run", name)).mode & 0o777
    assert.deepEqual([mode("token"), mode("agent.json")], [0o600, 0o600])
    const { writeRunFiles, readRunFiles, removeRunFiles } = await import("../../../../agent/api/run-files.ts")
    // What an earlier start left is replaced, never joined or widened.
    writeFileSync(join(server.home, "run", "token.partial"), "old", { mode: 0o666 })
    const { agent } = readRunFiles(server.home)!
    writeRunFiles(server.home, agent, "new", 0o640)
    assert.equal(readRunFiles(server.home)!.token, "new")
    assert.deepEqual([mode("token"), mode("agent.json")], [0o640, 0o640])
    removeRunFiles(server.home)
    assert.equal(readRunFiles(server.home), null)
    assert.ok(!existsSync(join(server.home, "run", "token")))
  })
})
