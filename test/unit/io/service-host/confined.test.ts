import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { createServer as createTcpServer } from "node:net"
import { join } from "node:path"
import type { TaskExecutionId } from "../../../../agent/base/ids.ts"
import { serviceHost, type ServiceHostOptions } from "../../../../agent/io/service-host/host.ts"
import type { RunningService, TaskAnswer } from "../../../../agent/ports/service-host.ts"
import type { Json, JsonObject } from "../../../../agent/schema/json.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { RecordingBridge } from "../../../support/service-bridge.ts"
import { serviceFolder, tasksNamed } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const MIB = 1024 * 1024

describe("a confined service", function () {
  this.timeout(30_000)
  let running: RunningService[] = []
  let bridge: RecordingBridge

  beforeEach(() => {
    bridge = new RecordingBridge()
  })
  afterEach(async () => {
    await Promise.all(running.map((service) => service.stop()))
    running = []
  })

  async function run(
    manifest: Partial<ManifestInput>,
    code: string,
    how: { config?: JsonObject; network?: "any"; host?: ServiceHostOptions; folder?: string } = {},
  ): Promise<RunningService> {
    const folder = how.folder ?? serviceFolder(manifest, code)
    const host = serviceHost(how.host)
    const service = await host.run(
      {
        manifest: await host.manifestOf(folder),
        folder,
        isolation: "confined",
        config: how.config ?? {},
        grants: { network: how.network ?? "declared" },
      },
      bridge,
    )
    running.push(service)
    return service
  }

  function call(service: RunningService, task: string, inputs: Json = {}, signal?: AbortSignal): Promise<TaskAnswer> {
    const execution = `ex_1.${task}` as TaskExecutionId
    const deadlineMs = Date.now() + 20_000
    return service.execute({ execution, task, inputs, deadlineMs }, signal ?? new AbortController().signal)
  }

  const codeOf = (answer: TaskAnswer) => (answer.kind === "error" ? `${answer.code} ${answer.outcome}` : answer.status)

  it("gets its settings, answers with status and data, and sees the execution's id", async () => {
    const service = await run(
      { config: { factor: { type: "number", default: 3 } }, tasks: tasksNamed("times") },
      `export default { tasks: { times: (inputs: { by: number }, ctx) => ({ status: "done", data: { product: inputs.by * ctx.config.factor, execution: ctx.execution } }) } }`,
      { config: { factor: 7 } },
    )
    assert.deepEqual(await call(service, "times", { by: 6 }), {
      kind: "result",
      status: "done",
      data: { product: 42, execution: "ex_1.times" },
    })
  })

  it("reaches events, store, broker, webhooks and log of the agent", async () => {
    const service = await run(
      { events: { seen: { data: {} } }, tasks: tasksNamed("touch") },
      `export default {
        async start(ctx) {
          await ctx.mqtt.subscribe("lamp/+/set", async (m) => { await ctx.emit("seen", { topic: m.topic, text: new TextDecoder().decode(m.payload), retained: m.retained }, { id: "m1" }) })
          await ctx.webhook("lamp", (r) => ({ status: 201, body: r.method + " " + new TextDecoder().decode(r.body) }))
        },
        tasks: { async touch(_, ctx) {
          const before = await ctx.store.get("n")
          await ctx.store.set("n", (before ?? 0) + 1)
          await ctx.mqtt.publish("lamp/1/state", "on", { qos: 1, retain: true })
          ctx.log.warn("touched", { before })
          return { status: "done", data: { before: before ?? null } }
        } },
      }`,
    )
    await bridge.deliver("lamp/1/set", Buffer.from("on"), 1, true)
    assert.deepEqual(bridge.events, [
      { event: "seen", data: { topic: "lamp/1/set", text: "on", retained: true }, id: "m1" },
    ])
    const request = { method: "POST", path: "/", query: {}, headers: {}, body: Buffer.from("hi") }
    assert.deepEqual(await bridge.webhooks.get("lamp")?.(request), { status: 201, body: "POST hi" })
    await call(service, "touch")
    assert.deepEqual(await call(service, "touch"), { kind: "result", status: "done", data: { before: 1 } })
    const [state] = bridge.published
    assert.deepEqual(
      { ...state, payload: String(Buffer.from(state?.payload ?? [])) },
      { topic: "lamp/1/state", payload: "on", qos: 1, retain: true },
    )
    assert.ok(bridge.lines.some((line) => line.level === "warn" && line.message === "touched"))
    await service.stop()
    assert.equal(bridge.subscriptions.size, 1, "messages wait for its next run: the bridge takes it back")
    assert.deepEqual(bridge.ends, [], "a stop that was asked for is no end by itself")
  })

  it("an event that the agent refuses reaches the code with the agent's own code", async () => {
    const service = await run(
      { events: { seen: { data: {} } }, tasks: tasksNamed("emit") },
      `export default { tasks: { async emit(_, ctx) { try { await ctx.emit("seen", {}) } catch (e) { return { status: "done", data: { code: e.code, message: e.message } } } } } }`,
    )
    bridge.refuse = new Error("not now")
    assert.deepEqual(await call(service, "emit"), {
      kind: "result",
      status: "done",
      data: { code: "FAILED", message: "not now" },
    })
  })

  const faults: { name: string; code: string; answer: string; end: string | null }[] = [
    { name: "a handler that throws", code: `throw new Error("no")`, answer: "SERVICE_THREW known", end: null },
    {
      name: "a handler that reads a file it may not",
      code: `(await import("node:fs")).readFileSync("/etc/hostname")`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that writes a file",
      code: `(await import("node:fs")).writeFileSync(new URL("x", import.meta.url), "x")`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that starts a program",
      code: `const { error } = (await import("node:child_process")).spawnSync("id"); if (error) throw error`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that starts a thread",
      code: `new (await import("node:worker_threads")).Worker("0", { eval: true })`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that opens a socket itself",
      code: `await new Promise((ok, no) => (net => net.connect(9, "127.0.0.1").on("connect", ok).on("error", no))(process.getBuiltinModule("node:net")))`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that uses fetch itself",
      code: `await fetch("http://127.0.0.1:10009/")`,
      answer: "SERVICE_FORBIDDEN known",
      end: null,
    },
    {
      name: "a handler that opens a database, which Node's permission model does not cover",
      code: `await import("node:sqlite")`,
      answer: "SERVICE_THREW known",
      end: null,
    },
    {
      name: "a handler that signals the agent",
      code: `process.kill(process.ppid, 9)`,
      answer: "SERVICE_THREW known",
      end: null,
    },
    {
      name: "a handler that signals the agent through the module",
      code: `(await import("node:process")).kill(process.ppid, 9)`,
      answer: "SERVICE_THREW known",
      end: null,
    },
    {
      name: "a handler that cannot know what became of it, and says so with the sdk",
      code: `throw new (await import("@mesg/sdk")).TaskError("LINE_CUT", "half sent", { outcome: "unknown" })`,
      answer: "LINE_CUT unknown",
      end: null,
    },
    { name: "a result that is no result", code: `return 5`, answer: "SERVICE_RESULT_INVALID unknown", end: null },
    {
      name: "a result with a function in it",
      code: `return { status: "done", data: { f() {} } }`,
      answer: "SERVICE_RESULT_INVALID unknown",
      end: null,
    },
    {
      name: "a result that contains itself",
      code: `const data: any = {}; data.self = data; return { status: "done", data }`,
      answer: "SERVICE_RESULT_INVALID unknown",
      end: null,
    },
    {
      name: "a result larger than allowed",
      code: `return { status: "done", data: { text: "x".repeat(300_000) } }`,
      answer: "SERVICE_RESULT_INVALID unknown",
      end: null,
    },
    { name: "an exit", code: `process.exit(0)`, answer: "SERVICE_EXITED unknown", end: "SERVICE_EXITED" },
    { name: "an abort", code: `process.abort()`, answer: "SERVICE_EXITED unknown", end: "SERVICE_EXITED" },
    {
      name: "a throw that nobody awaits",
      code: `setTimeout(() => { throw new Error("later") }); await new Promise(() => {})`,
      answer: "SERVICE_CRASHED unknown",
      end: "SERVICE_CRASHED",
    },
    {
      name: "a rejection that nobody awaits",
      code: `void Promise.reject(new Error("later")); await new Promise(() => {})`,
      answer: "SERVICE_CRASHED unknown",
      end: "SERVICE_CRASHED",
    },
    {
      name: "a heap that grows without end",
      code: `const all: string[][] = []; for (;;) all.push(new Array(100_000).fill("x" + all.length))`,
      answer: "SERVICE_MEMORY unknown",
      end: "SERVICE_MEMORY",
    },
    {
      name: "buffers outside the heap that grow without end",
      code: `const all: Buffer[] = []; for (;;) { all.push(Buffer.alloc(4_000_000, 1)); await new Promise((go) => setTimeout(go, 5)) }`,
      answer: "SERVICE_MEMORY unknown",
      end: "SERVICE_MEMORY",
    },
    {
      name: "a message of nonsense on the channel",
      code: `process.getBuiltinModule("node:fs").writeSync(3, Buffer.from([0, 0, 0, 2, 123, 123])); await new Promise(() => {})`,
      answer: "SERVICE_PROTOCOL unknown",
      end: "SERVICE_PROTOCOL",
    },
    {
      name: "a message longer than any may be",
      code: `process.getBuiltinModule("node:fs").writeSync(3, Buffer.from([255, 255, 255, 255])); await new Promise(() => {})`,
      answer: "SERVICE_PROTOCOL unknown",
      end: "SERVICE_PROTOCOL",
    },
  ]
  for (const fault of faults) {
    it(`${fault.name} gives ${fault.answer}${fault.end === null ? ", and the service goes on" : ""}`, async () => {
      const code = `export default { tasks: { async bad() { ${fault.code} }, ok: () => ({ status: "done" }) } }`
      const service = await run({ tasks: tasksNamed("bad", "ok"), constraints: { memoryMb: 48 } }, code)
      const answer = await call(service, "bad")
      assert.equal(codeOf(answer), fault.answer, JSON.stringify(answer))
      if (fault.end === null) {
        assert.deepEqual(await call(service, "ok"), { kind: "result", status: "done", data: {} })
        assert.deepEqual(bridge.ends, [])
      } else {
        await bridge.until(() => bridge.ends.length > 0, "told that it ended")
        await service.stop()
        assert.deepEqual(
          bridge.ends.map((end) => end.code),
          [fault.end],
        )
        assert.equal(codeOf(await call(service, "ok")), "SERVICE_STOPPED known")
      }
    })
  }

  it("a loop that never ends gives SERVICE_HUNG unknown, and slows no other service down meanwhile", async () => {
    const code = `export default { tasks: { hang() { for (;;); }, ok: () => ({ status: "done" }) } }`
    const [bad, good] = await Promise.all([
      run({ tasks: tasksNamed("hang", "ok") }, code),
      run({ tasks: tasksNamed("hang", "ok") }, code),
    ])
    const hung = call(bad, "hang")
    for (let i = 0; i < 100; i++) assert.equal(codeOf(await call(good, "ok")), "done")
    assert.equal(codeOf(await hung), "SERVICE_HUNG unknown")
    assert.deepEqual(
      bridge.ends.map((end) => end.code),
      ["SERVICE_HUNG"],
    )
    assert.equal(codeOf(await call(good, "ok")), "done")
  })

  it("what it started with --allow-child-process ends with it", async () => {
    const service = await run(
      { permissions: { commands: ["sleep"] }, tasks: tasksNamed("begin") },
      `import { spawn } from "node:child_process"
       export default { tasks: { begin: () => ({ status: "done", data: { pid: spawn("/bin/sleep", ["600"], { stdio: "ignore" }).pid } }) } }`,
    )
    const answer = await call(service, "begin")
    assert.ok(answer.kind === "result")
    const { pid } = answer.data as { pid: number }
    assert.ok(existsSync(`/proc/${pid}`))
    await service.stop()
    const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[2] : "gone"
    assert.ok(state === "gone" || state === "Z", `sleep is ${state}`)
  })

  it("a child in an endless loop ends with the agent that is killed", async () => {
    const folder = serviceFolder({ tasks: tasksNamed("hang") }, `export default { tasks: { hang() { for (;;); } } }`)
    const agent = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "hanging-agent.ts"), folder])
    const [line] = (await once(agent.stdout, "data")) as [Buffer]
    const pid = Number(String(line))
    assert.ok(existsSync(`/proc/${pid}`))
    agent.kill("SIGKILL")
    await once(agent, "exit")
    const gone = () => !existsSync(`/proc/${pid}/stat`) || readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")
    const deadline = Date.now() + 5000
    while (!gone() && Date.now() < deadline) await new Promise((go) => setImmediate(go))
    assert.ok(gone(), `child ${pid} goes on without its agent`)
  })

  it("has neither the agent's environment nor its settings in /proc", async () => {
    process.env["PROBE_DECLARED"] = "yes"
    process.env["PROBE_SECRET"] = "canary-env"
    const service = await run(
      {
        config: { key: { type: "string", secret: true } },
        permissions: { env: ["PROBE_DECLARED"] },
        tasks: tasksNamed("env"),
      },
      `export default { tasks: { env: (_, ctx) => ({ status: "done", data: { env: { ...process.env }, pid: process.pid, key: ctx.config.key } }) } }`,
      { config: { key: "canary-setting" } },
    )
    const answer = await call(service, "env")
    assert.ok(answer.kind === "result")
    const data = answer.data as { env: Record<string, string>; pid: number; key: string }
    assert.deepEqual(data.env, { PROBE_DECLARED: "yes" })
    assert.equal(data.key, "canary-setting")
    const seen =
      readFileSync(`/proc/${data.pid}/environ`, "latin1") + readFileSync(`/proc/${data.pid}/cmdline`, "latin1")
    assert.ok(!seen.includes("canary"), "a secret stands in /proc")
  })

  it("reads and writes the files it declares, and no link leads it out of its folder", async () => {
    const outside = tempDir("outside")
    writeFileSync(join(outside, "in.txt"), "in")
    writeFileSync(join(outside, "secret.txt"), "secret")
    const code = `import { readFileSync, writeFileSync } from "node:fs"
      export default { tasks: {
        copy: (i) => { writeFileSync(i.folder + "/out/copy.txt", readFileSync(i.folder + "/in.txt")); return { status: "done" } },
        peek: (i) => ({ status: "done", data: { text: readFileSync(i.folder + "/secret.txt", "utf8") } }),
      } }`
    execFileSync("mkdir", [join(outside, "out")])
    const permissions = { files: [`${outside}/in.txt`, `${outside}/out:rw`] }
    const service = await run({ permissions, tasks: tasksNamed("copy", "peek") }, code)
    assert.equal(codeOf(await call(service, "copy", { folder: outside })), "done")
    assert.equal(readFileSync(join(outside, "out/copy.txt"), "utf8"), "in")
    assert.equal(codeOf(await call(service, "peek", { folder: outside })), "SERVICE_FORBIDDEN known")
    const linked = serviceFolder({ tasks: tasksNamed("peek") }, code.replace("copy:", "/* */ peek2:"))
    symlinkSync(outside, join(linked, "out"))
    await assert.rejects(run({}, "", { folder: linked }), { code: "CONFINEMENT_UNSAFE" })
  })

  describe("its start", () => {
    const starts: { name: string; code: string; reject: RegExp | string; how: string }[] = [
      { name: "a throw while loading", code: `throw new Error("at once")`, reject: /at once/, how: "START_FAILED" },
      {
        name: "code that does not parse",
        code: `export default {`,
        reject: /START_FAILED|expected|Unexpected/i,
        how: "START_FAILED",
      },
      {
        name: "a start that throws",
        code: `export default { start() { throw new Error("no port") }, tasks: { a() {} } }`,
        reject: /no port/,
        how: "START_FAILED",
      },
      {
        name: "a start that exits",
        code: `export default { start() { process.exit(3) }, tasks: { a() {} } }`,
        reject: /exited with code 3/,
        how: "START_FAILED",
      },
      {
        name: "a loop while loading",
        code: `for (;;);\nexport default {}`,
        reject: /SERVICE_HUNG/,
        how: "START_FAILED",
      },
      {
        name: "a missing handler",
        code: `export default { tasks: {} }`,
        reject: /declares the task `a`/,
        how: "SERVICE_CODE_INVALID",
      },
      {
        name: "a handler too many",
        code: `export default { tasks: { a() {}, b() {} } }`,
        reject: /`tasks.b` belongs to no task/,
        how: "SERVICE_CODE_INVALID",
      },
    ]
    for (const start of starts) {
      it(`${start.name} is told as ${start.how}, with the reason, and leaves no process`, async () => {
        await assert.rejects(run({ tasks: tasksNamed("a") }, start.code), (error: Error & { code: string }) => {
          assert.equal(error.code, start.how, error.message)
          assert.match(error.message, new RegExp(start.reject))
          return true
        })
        assert.deepEqual(bridge.ends, [], "a service that never ran does not end")
      })
    }

    it("what had begun is stopped", async () => {
      const code = `export default {
        async start(ctx) { await ctx.mqtt.subscribe("a", () => {}); await ctx.webhook("b", () => ({ status: 200 })); throw new Error("half way") },
        stop() { console.log("stopped after a half start") },
      }`
      await assert.rejects(run({}, code), { code: "START_FAILED" })
      assert.equal(bridge.subscriptions.size, 1, "messages wait for the next try")
      assert.ok(bridge.lines.some((line) => line.message === "stopped after a half start"))
    })
  })

  it("a cancelled task may still answer in its grace; one that does not is unknown and the service goes on", async () => {
    const service = await run(
      { tasks: tasksNamed("polite", "deaf") },
      `const aborted = (signal) => new Promise((go) => signal.addEventListener("abort", go))
       export default { tasks: {
        async polite(_, ctx) { ctx.log.info("begun"); await aborted(ctx.signal); return { status: "done", data: { gaveUp: true } } },
        async deaf(_, ctx) { ctx.log.info("begun"); await new Promise(() => {}) },
      } }`,
    )
    for (const [task, expected] of [
      ["polite", "done"],
      ["deaf", "TASK_ABORTED unknown"],
    ] as const) {
      bridge.lines.length = 0
      const cancel = new AbortController()
      const answer = call(service, task, {}, cancel.signal)
      await bridge.until(() => bridge.lines.some((line) => line.message === "begun"), "begun")
      cancel.abort()
      assert.equal(codeOf(await answer), expected)
    }
  })

  it("a flood of log lines is cut, and how many is said", async () => {
    const service = await run(
      { tasks: tasksNamed("shout") },
      `export default { tasks: { shout(_, ctx) { for (let i = 0; i < 5000; i++) ctx.log.info("line " + i); return { status: "done" } } } }`,
    )
    await call(service, "shout")
    await service.stop()
    assert.ok(bridge.lines.length <= 300, `${bridge.lines.length} lines came through`)
    const leftOut = bridge.lines.filter((line) => line.message === "log lines left out")
    const count = leftOut.reduce((sum, line) => sum + Number(line.fields["count"]), 0)
    assert.equal(count + bridge.lines.length - leftOut.length, 5000)
  })

  // The bare child of Node 26.10 takes 44; most of it is Node's own program, shared between the children.
  it("takes at most 52 MiB when idle, TypeScript included", async () => {
    const service = await run(
      { tasks: tasksNamed("ok") },
      `const x: number = 1; export default { tasks: { ok: () => ({ status: "done", data: { x } }) } }`,
    )
    await call(service, "ok")
    const bytes = service.memory()
    assert.ok(bytes !== null && bytes > 10 * MIB && bytes <= 52 * MIB, `${(bytes ?? 0) / MIB} MiB`)
  })

  describe("its network", () => {
    let server: Server
    let port: number
    before(async () => {
      server = createServer((request, response) => {
        if (request.url === "/redirect")
          return response.writeHead(302, { location: "http://elsewhere.example:80/" }).end()
        if (request.url === "/hop") return response.writeHead(307, { location: "/echo" }).end()
        const parts: Buffer[] = []
        request.on("data", (part: Buffer) => parts.push(part))
        request.on("end", () => {
          response.setHeader("x-kind", "echo")
          response.end(
            JSON.stringify({ method: request.method, host: request.headers.host, body: String(Buffer.concat(parts)) }),
          )
        })
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      port = (server.address() as AddressInfo).port
    })
    after(() => void server.close())

    const code = `export default { tasks: { async get(i, ctx) {
      const r = await ctx.fetch(i.url, { method: i.method ?? "GET", body: i.body })
      return { status: "done", data: { code: r.status, kind: r.headers.get("x-kind"), body: await r.json() } }
    } } }`
    const get = async (
      network: string[],
      url: string,
      more: Record<string, Json> = {},
      addresses?: Record<string, string[]>,
    ) => {
      const resolve = async (host: string) => {
        const found = addresses?.[host]
        if (found === undefined) throw new Error(`no ${host} here`)
        return found
      }
      const host = addresses === undefined ? {} : { resolve }
      const service = await run({ permissions: { network }, tasks: tasksNamed("get") }, code, { host })
      return call(service, "get", { url, ...more })
    }

    it("reaches a declared host through the agent, with body and headers, over a redirect too", async () => {
      const answer = await get([`127.0.0.1:${port}`], `http://127.0.0.1:${port}/hop`, { method: "POST", body: "hello" })
      assert.deepEqual(answer, {
        kind: "result",
        status: "done",
        data: { code: 200, kind: "echo", body: { method: "POST", host: `127.0.0.1:${port}`, body: "hello" } },
      })
    })

    const refusals: { name: string; network: string[]; url: () => string; addresses?: Record<string, string[]> }[] = [
      { name: "a host that is not declared", network: ["api.example.org:443"], url: () => `http://127.0.0.1:${port}/` },
      { name: "another port of a declared host", network: ["127.0.0.1:1"], url: () => `http://127.0.0.1:${port}/` },
      { name: "loopback under a wildcard", network: ["*:*"], url: () => `http://127.0.0.1:${port}/` },
      { name: "loopback in its IPv6 form", network: ["*:*"], url: () => `http://[::ffff:127.0.0.1]:${port}/` },
      { name: "loopback written as one number", network: ["*:*"], url: () => `http://2130706433:${port}/` },
      {
        name: "a declared public name that answers with a local address",
        network: ["api.example.org:*"],
        url: () => `http://api.example.org:${port}/`,
        addresses: { "api.example.org": ["127.0.0.1"] },
      },
      {
        name: "a redirect to a host that is not declared",
        network: ["127.0.0.1:*"],
        url: () => `http://127.0.0.1:${port}/redirect`,
      },
      { name: "a file", network: ["*:*"], url: () => "file:///etc/passwd" },
    ]
    for (const refusal of refusals) {
      it(`refuses ${refusal.name}`, async () => {
        const answer = await get(refusal.network, refusal.url(), {}, refusal.addresses)
        assert.equal(codeOf(answer), "NETWORK_REFUSED known", JSON.stringify(answer))
      })
    }

    it("a local name that is declared reaches a local address", async () => {
      const answer = await get(
        [`printer.local:${port}`],
        `http://printer.local:${port}/`,
        {},
        { "printer.local": ["127.0.0.1"] },
      )
      assert.equal(codeOf(answer), "done")
    })

    it("a declared network of addresses covers the names in it", async () => {
      const answer = await get(
        [`127.0.0.0/8:${port}`],
        `http://meter.example:${port}/`,
        {},
        { "meter.example": ["127.0.0.1"] },
      )
      assert.equal(codeOf(answer), "done")
    })

    it("a stream carries bytes both ways and ends", async () => {
      const echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
      echo.listen(0, "127.0.0.1")
      await once(echo, "listening")
      const at = (echo.address() as AddressInfo).port
      const service = await run(
        { permissions: { network: [`127.0.0.1:${at}`] }, tasks: tasksNamed("echo") },
        `export default { tasks: { async echo(i, ctx) {
          const socket = await ctx.connect({ host: "127.0.0.1", port: i.port })
          socket.end(Buffer.alloc(i.bytes, 7))
          let sum = 0, bytes = 0
          for await (const chunk of socket) { bytes += chunk.length; for (const b of chunk) sum += b }
          return { status: "done", data: { bytes, sum } }
        } } }`,
      )
      const bytes = 1_000_000
      assert.deepEqual(await call(service, "echo", { port: at, bytes }), {
        kind: "result",
        status: "done",
        data: { bytes, sum: 7 * bytes },
      })
      echo.close()
    })

    it("`network: any` gives it the network itself", async () => {
      const service = await run(
        { tasks: tasksNamed("get") },
        `export default { tasks: { async get(i) { return { status: "done", data: { code: (await fetch(i.url)).status } } } } }`,
        { network: "any" },
      )
      assert.deepEqual(await call(service, "get", { url: `http://127.0.0.1:${port}/` }), {
        kind: "result",
        status: "done",
        data: { code: 200 },
      })
    })
  })
})
