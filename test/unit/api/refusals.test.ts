import assert from "node:assert/strict"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { readBody } from "../../../agent/api/http/body.ts"
import { startApiServer } from "../../support/api-server.ts"
import { mesg } from "../../support/cli.ts"
import { tempDir } from "../../support/temp-dir.ts"

const codeOf = (body: unknown) => (body as { code: string }).code

describe("the HTTP API refuses", () => {
  it("with METHOD_NOT_ALLOWED what a path does not take, and says what it does", async () => {
    const server = await startApiServer()
    const { status, headers, body } = await server.call("DELETE", "/api/v1/status")
    assert.deepEqual([status, codeOf(body), headers.get("allow")], [405, "METHOD_NOT_ALLOWED", "GET"])
    await server.stop()
  })

  it("with NOT_READY while the agent starts or stops", async () => {
    const server = await startApiServer({
      change: (deps) => ({ ...deps, agent: { ...deps.agent, ready: () => false } }),
    })
    const { status, body } = await server.call("GET", "/readyz")
    assert.deepEqual([status, codeOf(body)], [503, "NOT_READY"])
    await server.stop()
  })

  it("with BACKUP_RUNNING a second backup beside the first", async () => {
    const entered = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const server = await startApiServer({
      change: (deps) => ({
        ...deps,
        backup: async (file) => {
          entered.resolve()
          await mayEnd.promise
          writeFileSync(file, "the whole home")
        },
      }),
    })
    const file = (name: string) => ({ body: { file: join(server.home, name) } })
    const first = server.call("POST", "/api/v1/backup", file("first"))
    await entered.promise
    const { status, body } = await server.call("POST", "/api/v1/backup", file("second"))
    assert.deepEqual([status, codeOf(body)], [409, "BACKUP_RUNNING"])
    mayEnd.resolve()
    assert.equal((await first).status, 200)
    await server.stop()
  })

  it("with BODY_INTERRUPTED a body whose connection ends inside it", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(3))
        controller.error(new Error("aborted"))
      },
    })
    const request = new Request("http://127.0.0.1/", { method: "POST", body, duplex: "half" })
    await assert.rejects(readBody(request), { code: "BODY_INTERRUPTED" })
  })
})

describe("the CLI fails", () => {
  const failure = async (...run: Parameters<typeof mesg>) => {
    const { exitCode, out, err } = await mesg(...run)
    return { exitCode, code: codeOf(JSON.parse(out || err)) }
  }

  it("with USAGE and 2 where a value is none", async () => {
    const words = ["--json", "execution", "list", "--limit", "many"]
    assert.deepEqual(await failure(words), { exitCode: 2, code: "USAGE" })
  })

  it("with AGENT_UNREACHABLE and 1 where somebody else answers", async () => {
    const server = createServer((_request, response) => response.writeHead(500).end("oops"))
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const env = { MESG_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, MESG_TOKEN: "token" }
    assert.deepEqual(await failure(["--json", "status"], { env }), { exitCode: 1, code: "AGENT_UNREACHABLE" })
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  })

  it("with NOT_ALLOWED and 4 where the token of the agent cannot be read", async () => {
    const home = tempDir("home")
    mkdirSync(join(home, "run", "token"), { recursive: true })
    writeFileSync(join(home, "run", "agent.json"), "{}")
    assert.deepEqual(await failure(["--json", "status"], { home }), { exitCode: 4, code: "NOT_ALLOWED" })
  })
})
