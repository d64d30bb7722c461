import assert from "node:assert/strict"
import { codeOf, confinedServices } from "../../../support/confined.ts"
import { tasksNamed } from "../../../support/service-folder.ts"

describe("a confined service that does wrong", function () {
  this.timeout(30_000)
  const tested = confinedServices()
  const { run, call } = tested

  const faults: { name: string; code: string; answer: string; says?: RegExp; end: string | null }[] = [
    { name: "a handler that throws", code: `throw new Error("no")`, answer: "SERVICE_THREW known", end: null },
    {
      name: "a handler that reads a file it may not",
      code: `(await import("node:fs")).readFileSync("/etc/hostname")`,
      answer: "SERVICE_FORBIDDEN known",
      says: /FileSystemRead of \/etc\/hostname is not permitted; what allows it: permissions\.files/,
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
      says: /Net of 127\.0\.0\.1:10009 is not permitted; what allows it: ctx\.fetch .* permissions\.network/,
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
      if (fault.says !== undefined) assert.match(JSON.stringify(answer), fault.says)
      if (fault.end === null) {
        assert.deepEqual(await call(service, "ok"), { kind: "result", status: "done", data: {} })
        assert.deepEqual(tested.bridge.ends, [])
      } else {
        await tested.bridge.until(() => tested.bridge.ends.length > 0, "told that it ended")
        await service.stop()
        assert.deepEqual(
          tested.bridge.ends.map((end) => end.code),
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
      tested.bridge.ends.map((end) => end.code),
      ["SERVICE_HUNG"],
    )
    assert.equal(codeOf(await call(good, "ok")), "done")
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
        assert.deepEqual(tested.bridge.ends, [], "a service that never ran does not end")
      })
    }

    it("what had begun is stopped", async () => {
      const code = `export default {
        async start(ctx) { await ctx.mqtt.subscribe("a", () => {}); await ctx.webhook("b", () => ({ status: 200 })); throw new Error("half way") },
        stop() { console.log("stopped after a half start") },
      }`
      await assert.rejects(run({}, code), { code: "START_FAILED" })
      assert.equal(tested.bridge.subscriptions.size, 1, "messages wait for the next try")
      assert.ok(tested.bridge.lines.some((line) => line.message === "stopped after a half start"))
    })
  })
})
