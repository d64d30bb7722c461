import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Calls } from "../../../../nodered-nodes/src/runtime/agent/calls.ts"
import { AgentClient } from "../../../../nodered-nodes/src/runtime/api/agent-client.ts"
import { AgentError } from "../../../../nodered-nodes/src/runtime/api/agent-error.ts"
import type { Execution } from "../../../../nodered-nodes/src/runtime/api/shapes.ts"
import { CALLS_WAITING_MAX } from "../../../../nodered-nodes/src/runtime/limits.ts"

const ended = (id: string) => ({ id, finished: "2026-01-01T00:00:00.000Z", status: "completed" }) as Execution
const codeOf = (code: string) => (error: unknown) => error instanceof AgentError && error.code === code
const never = new AbortController().signal

describe("calls that wait for their end", () => {
  /** Executions that the agent still has; of any other it says that there is none. */
  const there = new Map<string, Execution>()
  let server: Server
  let client: AgentClient
  before(async () => {
    server = createServer(({ url = "" }, response) => {
      const execution = there.get(url.split("/").at(-1)!)
      response.writeHead(execution === undefined ? 404 : 200, { "content-type": "application/json" })
      response.end(JSON.stringify(execution ?? { code: "EXECUTION_NOT_FOUND", status: 404, title: "none" }))
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    client = new AgentClient(() => ({ url, token: "" }))
  })
  after(() => server.close())
  beforeEach(() => there.clear())

  it("end with what the stream says, also where it says so before the answer", async () => {
    const calls = new Calls(client)
    const start = async () => {
      calls.changed(ended("ex_1"))
      return "ex_1"
    }
    assert.equal((await calls.follow(start, never)).id, "ex_1")
    const later = calls.follow(async () => "ex_2", never)
    setImmediate(() => calls.changed(ended("ex_2")))
    assert.equal((await later).id, "ex_2")
  })

  it("end where the stream missed their end, and as lost where the agent has them no more; each by itself", async () => {
    const calls = new Calls(client)
    const lost = assert.rejects(
      calls.follow(async () => "ex_lost", never),
      codeOf("EXECUTION_LOST"),
    )
    const kept = calls.follow(async () => "ex_kept", never)
    there.set("ex_kept", ended("ex_kept"))
    // Both are waited for once their starts have answered.
    await new Promise(setImmediate)
    await calls.lookAgain(never)
    await lost
    assert.equal((await kept).id, "ex_kept")
  })

  it("are bounded", async () => {
    const calls = new Calls(client)
    const over = new AbortController()
    const waiting = Array.from({ length: CALLS_WAITING_MAX }, (_, i) =>
      assert.rejects(
        calls.follow(async () => `ex_${i}`, over.signal),
        /over/,
      ),
    )
    await assert.rejects(
      calls.follow(async () => "ex_more", never),
      codeOf("TOO_MANY_CALLS"),
    )
    over.abort(new Error("over"))
    await Promise.all(waiting)
  })
})
