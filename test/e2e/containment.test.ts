import assert from "node:assert/strict"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { WATCHDOG_STALL_MS } from "../../agent/base/limits.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { serviceFolder, tasksNamed } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

interface Ended {
  readonly status: string
  readonly data: { readonly code: string; readonly message: string }
}

interface ServiceView {
  readonly id: string
  readonly state: string
  readonly restarts: number
  readonly error: { code: string } | null
}

async function call(agent: TestAgent, service: string, task: string): Promise<Ended> {
  const answer = await agent.api("POST", `/services/${service}/tasks/${task}`, { inputs: {} }, { prefer: "wait=30" })
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as Ended
}

async function viewOf(agent: TestAgent, id: string): Promise<ServiceView> {
  const { items } = await agent.json<{ items: ServiceView[] }>("service", "list")
  const view = items.find((service) => service.id === id)
  assert.ok(view, `${id} is in the list`)
  return view
}

/** Another service of the owner's, in a process of its own: what happens to it is what happens to the others. */
const CALM = `export default { tasks: { rest: () => ({ status: "done", data: {} }) } }`

async function assertCalm(agent: TestAgent): Promise<void> {
  assert.equal((await call(agent, "calm", "rest")).status, "done")
  const { restarts, state } = await viewOf(agent, "calm")
  assert.deepEqual({ restarts, state }, { restarts: 0, state: "running" })
}

describe("a confined service that misbehaves", function () {
  this.timeout(60_000)
  let agent: TestAgent
  let forbidden: string

  before(async () => {
    forbidden = join(tempDir("forbidden"), "secret.txt")
    writeFileSync(forbidden, "canary-of-the-owner")
    agent = await startAgent()
    await agent.json("service", "add", serviceFolder({ id: "calm", tasks: tasksNamed("rest") }, CALM))
  })
  after(async () => {
    await agent.stop()
    agent.clean()
  })

  /** It runs `body` as its task, in a child process with what the manifest grants: nothing. */
  async function misbehave(id: string, body: string, extra: Partial<ManifestInput> = {}): Promise<Ended> {
    const code = `export default { tasks: { go: async (inputs, ctx) => { ${body} } } }`
    await agent.json("service", "add", serviceFolder({ id, tasks: tasksNamed("go"), ...extra }, code))
    return call(agent, id, "go")
  }

  const ending = [
    { id: "exits", does: "calls process.exit", body: "process.exit(0)", code: "SERVICE_EXITED" },
    { id: "loops", does: "loops for ever", body: "for (;;) {}", code: "SERVICE_HUNG" },
    {
      id: "leaks",
      does: "eats memory",
      body: "const kept = []; for (;;) { kept.push(Buffer.alloc(1048576, kept.length)); if (kept.length % 8 === 0) await new Promise(setImmediate) }",
      code: "SERVICE_MEMORY",
    },
    {
      id: "hoards",
      does: "eats the heap",
      body: "const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length))",
      code: "SERVICE_MEMORY",
    },
  ]
  for (const { id, does, body, code } of ending) {
    it(`and ${does} ends its task with ${code}, is started again, and nobody else notices`, async () => {
      const { status, data } = await misbehave(id, body)
      assert.equal(status, "error")
      assert.equal(data.code, code, data.message)
      await until(async () => (await viewOf(agent, id)).state === "running", 10_000, `${id} runs again`)
      assert.equal((await viewOf(agent, id)).restarts, 1)
      await assertCalm(agent)
    })
  }

  const refused = [
    { id: "throws", does: "throws", body: 'throw new Error("on purpose")', code: "SERVICE_THREW" },
    {
      id: "reads",
      does: "reads a file it may not",
      body: 'const { readFileSync } = await import("node:fs"); return { status: "done", data: { text: readFileSync(FORBIDDEN, "utf8") } }',
      code: "SERVICE_FORBIDDEN",
    },
    {
      id: "writes",
      does: "writes into its own folder",
      body: 'const { writeFileSync } = await import("node:fs"); writeFileSync(new URL("./mine", import.meta.url), "x"); return { status: "done" }',
      code: "SERVICE_FORBIDDEN",
    },
    {
      id: "spawns",
      does: "starts a program",
      body: 'const { execFileSync } = await import("node:child_process"); execFileSync("/bin/true"); return { status: "done" }',
      code: "SERVICE_FORBIDDEN",
    },
    {
      id: "fetches",
      does: "fetches from a host it did not declare",
      body: "await ctx.fetch(`http://127.0.0.1:${PORT}/`); return { status: 'done' }",
      code: "NETWORK_REFUSED",
    },
    {
      id: "dials",
      does: "opens a socket behind the agent's back",
      body: `const { connect } = await import("node:net"); const { once } = await import("node:events"); await once(connect(PORT, "127.0.0.1"), "connect"); return { status: "done" }`,
      code: "SERVICE_FORBIDDEN",
    },
  ]
  for (const { id, does, body, code } of refused) {
    it(`and ${does} is refused by name and goes on`, async () => {
      let reached = 0
      const server = createServer((socket) => {
        reached++
        socket.destroy()
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const port = String((server.address() as AddressInfo).port)
      const { status, data } = await misbehave(
        id,
        body.replaceAll("PORT", port).replaceAll("FORBIDDEN", JSON.stringify(forbidden)),
      )
      server.close()
      await once(server, "close")
      assert.equal(status, "error", JSON.stringify(data))
      assert.equal(data.code, code, data.message)
      assert.doesNotMatch(JSON.stringify(data), /canary/)
      assert.equal(reached, 0, "the connection was made")
      const { restarts, state } = await viewOf(agent, id)
      assert.deepEqual({ restarts, state }, { restarts: 0, state: "running" })
      await assertCalm(agent)
    })
  }

  it("and exits at every start is started ever later, and its tasks say that it does not run", async () => {
    const folder = serviceFolder({ id: "never", tasks: tasksNamed("go") }, "process.exit(3)")
    await agent.cli("service", "add", folder)
    await until(async () => (await viewOf(agent, "never")).restarts >= 3, 20_000, "three starts")
    const view = await viewOf(agent, "never")
    assert.ok(["failed", "starting"].includes(view.state), view.state)
    await assertCalm(agent)
    await agent.json("service", "remove", "never")
  })
})

describe("a service inside the agent that misbehaves", function () {
  this.timeout(45_000)

  const counted: ManifestInput["tasks"] = { count: { statuses: { done: {} }, effect: "idempotent" } }
  const manifest: Partial<ManifestInput> = {
    id: "wild",
    isolation: "in-process",
    events: { seen: { data: {} } },
    tasks: { ...tasksNamed("throw", "later", "loop"), ...counted },
  }
  const code = `export default { tasks: {
    throw: () => { throw new Error("on purpose") },
    later: () => { setTimeout(() => { throw new Error("on purpose, later") }, 10); return new Promise(() => {}) },
    loop: () => { for (;;) {} },
    count: () => ({ status: "done", data: {} }),
  } }`

  it("and throws is contained; one that loops is ended by the watchdog, and nothing accepted is lost", async () => {
    let agent = await startAgent()
    const { home } = agent
    try {
      await agent.json("service", "add", serviceFolder(manifest, code), "--trust")
      await agent.json("service", "add", serviceFolder({ id: "calm", tasks: tasksNamed("rest") }, CALM))
      assert.equal((await call(agent, "wild", "throw")).data.code, "SERVICE_THREW")
      assert.equal((await viewOf(agent, "wild")).restarts, 0)
      // What nobody catches ends the service: the tasks it was at are aborted, and it is started again.
      assert.equal((await call(agent, "wild", "later")).data.code, "TASK_ABORTED")
      await until(async () => (await viewOf(agent, "wild")).state === "running", 10_000, "wild runs again")
      await assertCalm(agent)

      const application = {
        name: "seen",
        workflows: { seen: { trigger: { service: "wild", event: "seen" }, tasks: { count: { run: "wild.count" } } } },
      }
      assert.ok((await agent.api("PUT", "/applications/seen", application)).ok)
      const emit = (n: number) => agent.api("POST", "/services/wild/events/seen", { data: { n }, id: `n${n}` })
      for (let n = 0; n < 20; n++) assert.equal((await emit(n)).status, 202)
      const exited = once(agent.process, "exit")
      const began = performance.now()
      // It never answers; that it was taken is all there is to wait for, and the end of the process tells.
      const looping = agent.api("POST", "/services/wild/tasks/loop", { inputs: {} }).catch(() => null)
      const lost = Array.from({ length: 5 }, (_, i) => emit(100 + i).catch(() => null))
      const [exitCode, signal] = (await exited) as [number | null, string | null]
      await looping
      await Promise.all(lost)
      assert.deepEqual([exitCode, signal], [null, "SIGALRM"])
      const endedMs = performance.now() - began
      assert.ok(endedMs < WATCHDOG_STALL_MS * 2, `${endedMs} ms until the end`)

      agent = await startAgent({ home })
      const found = async () => {
        const page = (await (await agent.api("GET", "/executions?app=seen&limit=1000")).json()) as {
          items: { status: string; trigger: { id: string } }[]
        }
        return page.items
      }
      await until(async () => (await found()).every(({ status }) => status === "completed"), 20_000, "their ends")
      const ids = (await found()).map(({ trigger }) => trigger.id)
      assert.equal(new Set(ids).size, ids.length)
      for (let n = 0; n < 20; n++) assert.ok(ids.includes(`n${n}`), `event n${n} is lost`)
      const loops = (await (await agent.api("GET", "/executions?app=call&status=failed")).json()) as {
        items: { workflow: string; tasks: { call: { data: { code: string } } } }[]
      }
      // An effect that may have happened is not begun again: the loop does not come back.
      const loop = loops.items.find(({ workflow }) => workflow === "wild.loop")
      assert.equal(loop?.tasks.call.data.code, "INTERRUPTED")
      await assertCalm(agent)
    } finally {
      await agent.kill()
      agent.clean()
    }
  })
})
