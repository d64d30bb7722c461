import assert from "node:assert/strict"
import { COMMANDS } from "../../../agent/api/cli/command-list.ts"
import { LOCAL_COMMANDS } from "../../../agent/api/cli/local.ts"
import { HANDLERS } from "../../../agent/api/http/handlers/table.ts"
import { openApiDocument } from "../../../agent/api/http/openapi.ts"
import { SCHEMAS } from "../../../agent/api/operations/schemas/table.ts"
import { OPERATIONS } from "../../../agent/api/operations/table.ts"
import { scopeCovers, TOKEN_SCOPES } from "../../../agent/api/operations/operation.ts"
import { apiReference, cliReference } from "../../../agent/api/reference.ts"
import { readFileSync } from "node:fs"
import { startApiServer } from "../../support/api-server.ts"

/** What people and programs were promised; adding is free. */
const PROMISED_COMMANDS = [
  "start|stop|status|init|doctor|config show|config set|backup|restore|logs",
  "service list|service show|service add|service remove|service configure|service test|service validate|service new",
  "service call|event emit|event tail|app validate|app deploy|app list|app show|app pause|app resume|app remove|app dry-run",
  "app export|app run|execution list|execution show|execution watch|execution cancel|execution retry",
  "token create|token list|token revoke",
].flatMap((line) => line.split("|"))

const PROMISED_ROUTES = [
  "GET /healthz",
  "GET /readyz",
  "GET /metrics",
  "GET /api/v1/openapi.json",
  "GET /api/v1/status",
  "GET /api/v1/services",
  "GET /api/v1/services/{id}",
  "POST /api/v1/services/{id}/events/{event}",
  "POST /api/v1/services/{id}/tasks/{task}",
  "PUT /api/v1/applications/{name}",
  "GET /api/v1/applications/{name}",
  "DELETE /api/v1/applications/{name}",
  "POST /api/v1/applications:validate",
  "GET /api/v1/executions",
  "GET /api/v1/executions/{id}",
  "POST /api/v1/executions/{id}:cancel",
  "POST /api/v1/executions/{id}:retry",
  "GET /api/v1/stream",
]

/** Routes for programs that watch the agent, and for tools. */
const WITHOUT_COMMAND = [
  "system.welcome",
  "system.health",
  "system.ready",
  "system.metrics",
  "system.openapi",
  "config.set",
  "token.verify",
]

describe("the table of operations", () => {
  const routes = OPERATIONS.map(({ method, path }) => `${method} ${path}`)

  it("has every promised route and every promised command", () => {
    assert.deepEqual(
      PROMISED_ROUTES.filter((route) => !routes.includes(route)),
      [],
    )
    const names = COMMANDS.map(({ command }) => command.name)
    assert.deepEqual(
      PROMISED_COMMANDS.filter((name) => !names.includes(name)),
      [],
    )
  })

  it("names each operation, route and command once", () => {
    const names = COMMANDS.map(({ command }) => command.name)
    assert.deepEqual(new Set(routes).size, routes.length)
    assert.deepEqual(new Set(OPERATIONS.map(({ id }) => id)).size, OPERATIONS.length)
    assert.deepEqual(new Set(names).size, names.length)
  })

  it("is the same list as the handlers, the schemas and OpenAPI", () => {
    const ids = OPERATIONS.map(({ id }) => id).sort()
    assert.deepEqual(Object.keys(HANDLERS).sort(), ids)
    assert.deepEqual(Object.keys(SCHEMAS).sort(), ids)
    const paths = openApiDocument("0.1.0")["paths"] as Record<string, Record<string, { operationId: string }>>
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(described.sort(), OPERATIONS.map(({ id, method, path }) => `${id} ${method} ${path}`).sort())
  })

  it("gives every operation a command, but for what programs ask", () => {
    const without = OPERATIONS.filter(({ commands }) => commands.length === 0).map(({ id }) => id)
    assert.deepEqual(without, WITHOUT_COMMAND)
    assert.equal(COMMANDS.length, LOCAL_COMMANDS.length + OPERATIONS.flatMap(({ commands }) => commands).length)
  })

  it("answers at every route, and at no route that is not in it", async () => {
    const server = await startApiServer()
    try {
      for (const { method, path } of OPERATIONS) {
        if (path === "/api/v1/stream") continue
        const answer = await server.call(method, path.replace(/\{\w+\}/g, "x"))
        assert.notEqual((answer.body as { code?: string }).code, "ROUTE_NOT_FOUND", `${method} ${path}`)
      }
      assert.equal((await server.call("GET", "/api/v1/nothing")).status, 404)
      const wrong = await server.call("DELETE", "/api/v1/status")
      assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET"])
    } finally {
      await server.stop()
    }
  })

  it("sends every typed value to a part that its route has", () => {
    for (const entry of COMMANDS) {
      if (entry.kind === "local") continue
      const { path } = entry.operation
      for (const { to } of [...(entry.command.arguments ?? []), ...(entry.command.options ?? [])]) {
        const [part, name] = to.split(".", 2) as [string, string | undefined]
        assert.ok(["params", "query", "body", "headers", "local"].includes(part), `${entry.command.name}: ${to}`)
        if (part === "params") assert.ok(path.includes(`{${name}}`), `${entry.command.name}: ${to}`)
        if (part === "query" || part === "body") {
          assert.ok(part in SCHEMAS[entry.operation.id], `${entry.command.name}: ${to}`)
        }
      }
    }
  })

  it("orders the scopes: each has the rights of those before it, services and devices none of them", () => {
    const order = ["read", "operate", "deploy", "admin"] as const
    for (const held of TOKEN_SCOPES) {
      for (const asked of order) {
        const expected = held !== "service" && held !== "device" && order.indexOf(held) >= order.indexOf(asked)
        assert.equal(scopeCovers(held, asked), expected, `${held} ${asked}`)
      }
    }
  })

  it("is what docs/reference/api.md and cli.md say", () => {
    for (const [path, reference] of [
      ["api", apiReference],
      ["cli", cliReference],
    ] as const) {
      const text = readFileSync(`docs/reference/${path}.md`, "utf8")
      assert.equal(text, reference(text.split("\n")[1]!), `docs/reference/${path}.md: run node packaging/docs.ts`)
    }
  })
})

describe("the OpenAPI document", () => {
  it("is version 3.1, refers only to what it has, and asks for a token everywhere else than at / and /healthz", () => {
    const document = openApiDocument("0.1.0")
    assert.equal(document.openapi, "3.1.0")
    const text = JSON.stringify(document)
    assert.deepEqual([...new Set(text.match(/"\$ref":"[^"]+"/g))], ['"$ref":"#/components/schemas/Problem"'])
    const paths = document["paths"] as Record<string, Record<string, { security: unknown[] }>>
    const open = Object.entries(paths).filter(([, methods]) =>
      Object.values(methods).some(({ security }) => security.length === 0),
    )
    assert.deepEqual(
      open.map(([path]) => path),
      ["/", "/healthz"],
    )
  })

  it("says for each path parameter, query and body what its schema takes", () => {
    const paths = openApiDocument("0.1.0")["paths"] as Record<string, Record<string, Record<string, unknown>>>
    const emit = paths["/api/v1/services/{id}/events/{event}"]!["post"]!
    const parameters = emit["parameters"] as { name: string; in: string; required: boolean }[]
    assert.deepEqual(
      parameters.map(({ name, in: place, required }) => [name, place, required]),
      [
        ["id", "path", true],
        ["event", "path", true],
        ["Idempotency-Key", "header", false],
      ],
    )
    const body = emit["requestBody"] as { content: { "application/json": { schema: { required: string[] } } } }
    assert.deepEqual(body.content["application/json"].schema.required, ["data"])
  })
})
