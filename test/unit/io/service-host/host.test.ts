import assert from "node:assert/strict"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { TaskExecutionId } from "../../../../agent/base/ids.ts"
import { serviceHost } from "../../../../agent/io/service-host/host.ts"
import type { ServiceError } from "../../../../agent/io/service-host/service-error.ts"
import { serviceShelf } from "../../../../agent/io/service-host/shelf.ts"
import type { RunningService, TaskAnswer } from "../../../../agent/ports/service-host.ts"
import type { Json, JsonObject } from "../../../../agent/schema/json.ts"
import type { ManifestInput } from "../../../../agent/schema/manifest.ts"
import { RecordingBridge } from "../../../support/service-bridge.ts"
import { serviceFolder, tasksNamed } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const host = serviceHost()

describe("a service in the agent's process", () => {
  let bridge: RecordingBridge
  let running: RunningService[]
  beforeEach(() => {
    bridge = new RecordingBridge()
    running = []
  })
  afterEach(async () => {
    await Promise.all(running.map((service) => service.stop()))
  })

  async function runFolder(folder: string, config: JsonObject = {}): Promise<RunningService> {
    const manifest = await host.manifestOf(folder)
    const spec = { manifest, folder, isolation: "in-process", config, grants: { network: "declared" } } as const
    const service = await host.run(spec, bridge)
    running.push(service)
    return service
  }
  const run = (manifest: Partial<ManifestInput>, code: string, config: JsonObject = {}) =>
    runFolder(serviceFolder(manifest, code), config)
  const call = (service: RunningService, task: string, inputs: Json = {}, signal = new AbortController().signal) =>
    service.execute({ execution: "ex_1.t" as TaskExecutionId, task, inputs, deadlineMs: Date.now() + 5000 }, { signal })
  const codeOf = (answer: TaskAnswer) => (answer.kind === "error" ? `${answer.code} ${answer.outcome}` : answer.status)

  const answers: { name: string; body: string; answer: string }[] = [
    { name: "a throw", body: `throw new Error("no")`, answer: "SERVICE_THREW known" },
    { name: "a throw of what is no error", body: `throw null`, answer: "SERVICE_THREW known" },
    { name: "no result", body: ``, answer: "SERVICE_RESULT_INVALID unknown" },
    { name: "a result without status", body: `return { data: {} }`, answer: "SERVICE_RESULT_INVALID unknown" },
    {
      name: "NaN in a result",
      body: `return { status: "done", data: { n: NaN } }`,
      answer: "SERVICE_RESULT_INVALID unknown",
    },
    {
      name: "a date in a result",
      body: `return { status: "done", data: { at: new Date() } }`,
      answer: "SERVICE_RESULT_INVALID unknown",
    },
    {
      name: "a getter that throws",
      body: `return { status: "done", data: { get a() { throw new Error("x") } } }`,
      answer: "SERVICE_RESULT_INVALID unknown",
    },
    {
      name: "a bigint in a result",
      body: `return { status: "done", data: 1n }`,
      answer: "SERVICE_RESULT_INVALID unknown",
    },
    { name: "data that is left out", body: `return { status: "done" }`, answer: "done" },
  ]
  for (const { name, body, answer } of answers) {
    it(`${name}: ${answer}`, async () => {
      const service = await run({ tasks: tasksNamed("t") }, `export default { tasks: { async t() { ${body} } } }`)
      assert.equal(codeOf(await call(service, "t")), answer)
    })
  }

  it("says with a TaskError that it cannot know what became of it", async () => {
    const service = await run(
      { tasks: tasksNamed("t") },
      `import { TaskError } from "@mesg/sdk"
       export default { tasks: { t() { throw new TaskError("LINE_CUT", "half sent", { outcome: "unknown" }) } } }`,
    )
    assert.equal(codeOf(await call(service, "t")), "LINE_CUT unknown")
  })

  it("cannot change the inputs, the settings or what it has handed over", async () => {
    const inputs = { list: [1] }
    const config = { list: [1] }
    const service = await run(
      { config: { list: { type: "array" } }, events: { e: { data: {} } }, tasks: tasksNamed("t") },
      `export default { tasks: { async t(inputs, ctx) {
        inputs.list.push(2); ctx.config.list.push(2)
        const data = { n: [1] }
        await ctx.emit("e", data); data.n.push(2)
        return { status: "done" }
      } } }`,
      config,
    )
    await call(service, "t", inputs)
    assert.deepEqual([inputs, config, bridge.events[0]?.data], [{ list: [1] }, { list: [1] }, { n: [1] }])
  })

  it("verifies and recovers; only `true` approves, and a mistake is no approval", async () => {
    const service = await run(
      { tasks: tasksNamed("yes", "truthy", "throws", "none") },
      `const done = () => ({ status: "done" })
       export default {
        tasks: { yes: done, truthy: done, throws: done, none: done },
        verify: { yes: (_, r) => r.status === "done", truthy: () => 1, throws: () => { throw new Error("x") } },
        recover: { yes: () => ({ status: "done", data: { again: false } }), truthy: () => "not-done", throws: () => { throw new Error("x") } },
      }`,
    )
    const of = (task: string) => ({
      execution: "ex_1.t" as TaskExecutionId,
      task,
      inputs: {},
      deadlineMs: Date.now() + 5000,
    })
    const { signal } = new AbortController()
    const verdicts = ["yes", "truthy", "throws", "none"].map((task) =>
      service.verify(of(task), { status: "done", data: {} }, signal),
    )
    assert.deepEqual(await Promise.all(verdicts), [true, false, false, null])
    const recovered = ["yes", "truthy", "throws", "none"].map((task) => service.recover(of(task), signal))
    assert.deepEqual(await Promise.all(recovered), [
      { kind: "result", status: "done", data: { again: false } },
      { kind: "not-done" },
      { kind: "unknown" },
      { kind: "unknown" },
    ])
  })

  describe("its uncaught errors", () => {
    let listeners: NodeJS.UncaughtExceptionListener[]
    let rejections: NodeJS.UnhandledRejectionListener[]
    let uncontained: unknown[]
    const contain = (error: unknown) => {
      if (!host.contain(error)) uncontained.push(error)
    }
    beforeEach(() => {
      // Mocha's own handlers would fail the test; the agent's takes their place.
      listeners = process.listeners("uncaughtException")
      rejections = process.listeners("unhandledRejection")
      process.removeAllListeners("uncaughtException")
      process.removeAllListeners("unhandledRejection")
      uncontained = []
      process.on("uncaughtException", contain)
    })
    afterEach(() => {
      process.off("uncaughtException", contain)
      for (const listener of listeners) process.on("uncaughtException", listener)
      for (const listener of rejections) process.on("unhandledRejection", listener)
    })

    const escapes: [string, string][] = [
      ["a timer", `setTimeout(() => { throw new Error("late") }, 1)`],
      ["a promise that nobody awaits", `void Promise.reject(new Error("late"))`],
      [
        "an event emitter",
        `setImmediate(() => new (process.getBuiltinModule("node:events"))().emit("error", new Error("late")))`,
      ],
      ["a socket", `process.getBuiltinModule("node:net").connect(1, "127.0.0.1")`],
    ]
    for (const [name, body] of escapes) {
      it(`out of ${name} end this service alone, with SERVICE_THREW`, async () => {
        const bad = await run(
          { tasks: tasksNamed("t") },
          `export default { tasks: { async t(_, ctx) { ${body}; await new Promise((_, no) => ctx.signal.addEventListener("abort", () => no(ctx.signal.reason))) } } }`,
        )
        const good = await run(
          { tasks: tasksNamed("t") },
          `export default { tasks: { t: () => ({ status: "done" }) } }`,
        )
        const cancel = new AbortController()
        const answer = call(bad, "t", {}, cancel.signal)
        await bridge.until(() => bridge.ends.length > 0, "told that it ended")
        assert.deepEqual(
          bridge.ends.map((end) => end.code),
          ["SERVICE_THREW"],
        )
        assert.equal(codeOf(await answer), "TASK_ABORTED unknown")
        assert.equal(codeOf(await call(good, "t")), "done")
        assert.deepEqual(uncontained, [])
      })
    }

    it("are not mixed up with the agent's own, in what a service only asked for", async () => {
      bridge.emit = async () =>
        void setImmediate(() => {
          throw new Error("the agent's own")
        })
      const service = await run(
        { events: { e: { data: {} } }, tasks: tasksNamed("t") },
        `export default { tasks: { async t(_, ctx) { await ctx.emit("e", {}); return { status: "done" } } } }`,
      )
      await call(service, "t")
      while (uncontained.length === 0) await new Promise((go) => setImmediate(go))
      assert.deepEqual([uncontained.map(String), bridge.ends], [["Error: the agent's own"], []])
    })
  })

  it("is stopped after a half start, and messages wait for the next try", async () => {
    const half = run(
      {},
      `export default {
        async start(ctx) { this.ctx = ctx; await ctx.mqtt.subscribe("a", () => {}); await ctx.webhook("b", () => ({ status: 200 })); throw new Error("half way") },
        stop() { this.ctx.log.info("stopped") },
      }`,
    )
    await assert.rejects(half, { code: "START_FAILED", message: /half way/ })
    assert.equal(bridge.subscriptions.size, 1)
    assert.ok(bridge.lines.some((line) => line.message === "stopped"))
  })

  it("has no reach after its stop", async () => {
    const service = await run(
      { events: { e: { data: {} } }, tasks: tasksNamed("t") },
      `export default { start(ctx) { this.ctx = ctx }, async stop() { for (const what of [() => this.ctx.emit("e", {}), () => this.ctx.store.get("a"), () => this.ctx.mqtt.publish("a", "b"), () => this.ctx.mqtt.subscribe("a", () => {})]) await what().catch((e) => this.ctx.log.info(e.code)) }, tasks: { t() {} } }`,
    )
    await service.stop()
    assert.deepEqual(
      bridge.lines.map((line) => line.message),
      ["SERVICE_STOPPED", "SERVICE_STOPPED", "SERVICE_STOPPED", "SERVICE_STOPPED"],
    )
  })

  it("is upgraded live: the code of another folder, in every file of it, runs beside that of the old one", async () => {
    const runVersion = async (version: number) =>
      runFolder(
        serviceFolder(
          { tasks: tasksNamed("t") },
          `import { version } from "./lib/version.ts"\nexport default { tasks: { t: () => ({ status: "done", data: { version } }) } }`,
          { "lib/version.ts": `export { version } from "../deep.ts"`, "deep.ts": `export const version = ${version}` },
        ),
      )
    const old = await runVersion(1)
    const upgraded = await runVersion(2)
    assert.deepEqual(await call(old, "t"), { kind: "result", status: "done", data: { version: 1 } })
    assert.deepEqual(await call(upgraded, "t"), { kind: "result", status: "done", data: { version: 2 } })
  })

  it("is loaded once, however often it starts: Node forgets no module", async () => {
    const folder = serviceFolder(
      { tasks: tasksNamed("t") },
      `let starts = 0\nexport default { start() { starts += 1 }, tasks: { t: () => ({ status: "done", data: { starts } }) } }`,
    )
    for (const starts of [1, 2, 3]) {
      const service = await runFolder(folder)
      assert.deepEqual(await call(service, "t"), { kind: "result", status: "done", data: { starts } })
      await service.stop()
    }
  })

  it("settings are checked before its code is loaded, and never shown", async () => {
    const start = run(
      { config: { key: { type: "string", minLength: 20, secret: true, required: true } } },
      `throw new Error("loaded")`,
      { key: "canary" },
    )
    await assert.rejects(start, (error: ServiceError) => {
      assert.equal(error.code, "SETTINGS_INVALID")
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
    await assert.rejects(
      run({ config: { key: { type: "string", required: true } } }, `throw new Error("loaded")`),
      /key is missing/,
    )
  })
})

describe("a manifest", () => {
  const cases: { name: string; text: string; line: number | null; message: RegExp }[] = [
    { name: "that is no YAML", text: "id: [", line: 1, message: /flow|expected/i },
    {
      name: "with an unknown field",
      text: "id: probe\nname: P\nversion: 1.0.0\ncolour: red\n",
      line: 4,
      message: /`colour` is no field/,
    },
    { name: "without a version", text: "id: probe\nname: P\n", line: 1, message: /version/ },
    { name: "with a reserved id", text: "id: feed\nname: P\nversion: 1.0.0\n", line: 1, message: /reserved/ },
    {
      name: "with a schema that is none",
      text: "id: probe\nname: P\nversion: 1.0.0\nevents:\n  e:\n    data:\n      type: objekt\n",
      line: 7,
      message: /events.e.data is no JSON Schema/,
    },
    {
      name: "with a built-in status",
      text: "id: probe\nname: P\nversion: 1.0.0\ntasks:\n  t:\n    statuses:\n      error: {}\n",
      line: 7,
      message: /built in/,
    },
    {
      name: "with an example whose inputs do not fit",
      text: "id: probe\nname: P\nversion: 1.0.0\ntasks:\n  t:\n    inputs: { required: [a] }\n    statuses: { ok: {} }\n    examples:\n      - inputs: {}\n        status: ok\n",
      line: 9,
      message: /do not fit the task's inputs/,
    },
    {
      name: "with an example of an unknown status",
      text: "id: probe\nname: P\nversion: 1.0.0\ntasks:\n  t:\n    statuses: { ok: {} }\n    examples:\n      - inputs: {}\n        status: well\n",
      line: 9,
      message: /`well` is no status/,
    },
    {
      name: "with an example whose data does not fit",
      text: "id: probe\nname: P\nversion: 1.0.0\ntasks:\n  t:\n    statuses: { ok: { data: { type: object, required: [x] } } }\n    examples:\n      - { inputs: {}, status: ok, data: {} }\n",
      line: 8,
      message: /does not fit the status/,
    },
    {
      name: "with a network pattern that is none",
      text: "id: probe\nname: P\nversion: 1.0.0\npermissions:\n  network:\n    - https://example.org\n",
      line: 6,
      message: /no network pattern/,
    },
    {
      name: "that asks for a variable of the runtime",
      text: "id: probe\nname: P\nversion: 1.0.0\npermissions:\n  env: [NODE_OPTIONS]\n",
      line: 5,
      message: /cannot be handed/,
    },
    {
      name: "that grows when it is read",
      text: `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `${"bcdefghijklm"[i]}: &${"bcdefghijklm"[i]} [${Array(10).fill(`*${"abcdefghijkl"[i]}`).join(",")}]`).join("\n")}\n`,
      line: null,
      message: /alias/i,
    },
    { name: "that is too large", text: `# ${"x".repeat(300_000)}`, line: null, message: /bytes/ },
  ]
  for (const { name, text, line, message } of cases) {
    it(`${name} is refused with file, line, reason and remedy`, async () => {
      const folder = tempDir("manifest")
      const file = join(folder, "service.yml")
      writeFileSync(file, text)
      await assert.rejects(host.manifestOf(folder), (error: ServiceError) => {
        assert.equal(error.code, "MANIFEST_INVALID")
        assert.ok(error.message.startsWith(line === null ? file : `${file}:${line}:`), error.message)
        assert.match(error.message, message)
        assert.ok(error.remedy)
        return true
      })
    })
  }

  it("that is not there is said so", async () => {
    await assert.rejects(host.manifestOf(tempDir("manifest")), { code: "MANIFEST_MISSING" })
  })
})

describe("the shelf of added services", () => {
  it("copies a folder under a name of its own, and takes it away again", async () => {
    const shelf = serviceShelf(tempDir("shelf"))
    const folder = serviceFolder({}, "export default {}", { "lib/a.ts": "export {}" })
    symlinkSync("lib/a.ts", join(folder, "link.ts"))
    const names = [await shelf.put(folder, "probe"), await shelf.put(folder, "probe")] as const
    const [first, second] = names.map((name) => shelf.folderOf(name)) as [string, string]
    assert.notEqual(first, second)
    assert.equal(readFileSync(join(first, "link.ts"), "utf8"), "export {}")
    await shelf.remove(names[0])
    assert.throws(() => readFileSync(join(first, "index.ts")))
    assert.ok(readFileSync(join(second, "index.ts")))
  })

  it("does not copy what a link leads to outside: it would hand a service the agent's own files", async () => {
    const dir = tempDir("shelf")
    const outside = tempDir("keys")
    writeFileSync(join(outside, "node.key"), "canary")
    for (const target of [join(outside, "node.key"), outside, "../../../../../etc/passwd", "nowhere"]) {
      const folder = serviceFolder({}, "export default {}")
      mkdirSync(join(folder, "lib"))
      symlinkSync(target, join(folder, "lib", "link"))
      await assert.rejects(serviceShelf(dir).put(folder, "probe"), { code: "CONFINEMENT_UNSAFE" }, target)
    }
  })
})
