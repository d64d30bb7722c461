import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codeOf, confinedServices } from "../../../support/confined.ts"
import { hasEnded } from "../../../support/process-state.ts"
import { serviceFolder, tasksNamed } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

const MIB = 1024 * 1024

describe("a confined service", function () {
  this.timeout(30_000)
  const tested = confinedServices()
  const { run, call } = tested

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
    await tested.bridge.deliver("lamp/1/set", Buffer.from("on"), 1, true)
    assert.deepEqual(tested.bridge.events, [
      { event: "seen", data: { topic: "lamp/1/set", text: "on", retained: true }, id: "m1" },
    ])
    const request = { method: "POST", path: "/", query: {}, headers: {}, body: Buffer.from("hi") }
    assert.deepEqual(await tested.bridge.webhooks.get("lamp")?.(request), { status: 201, body: "POST hi" })
    await call(service, "touch")
    assert.deepEqual(await call(service, "touch"), { kind: "result", status: "done", data: { before: 1 } })
    const [state] = tested.bridge.published
    assert.deepEqual(
      { ...state, payload: String(Buffer.from(state?.payload ?? [])) },
      { topic: "lamp/1/state", payload: "on", qos: 1, retain: true },
    )
    assert.ok(tested.bridge.lines.some((line) => line.level === "warn" && line.message === "touched"))
    await service.stop()
    assert.equal(tested.bridge.subscriptions.size, 1, "messages wait for its next run: the bridge takes it back")
    assert.deepEqual(tested.bridge.ends, [], "a stop that was asked for is no end by itself")
  })

  it("an event that the agent refuses reaches the code with the agent's own code", async () => {
    const service = await run(
      { events: { seen: { data: {} } }, tasks: tasksNamed("emit") },
      `export default { tasks: { async emit(_, ctx) { try { await ctx.emit("seen", {}) } catch (e) { return { status: "done", data: { code: e.code, message: e.message } } } } } }`,
    )
    tested.bridge.refuse = new Error("not now")
    assert.deepEqual(await call(service, "emit"), {
      kind: "result",
      status: "done",
      data: { code: "FAILED", message: "not now" },
    })
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
    await until(() => hasEnded(pid), 5000, "the end of what the service started")
  })

  it("a child in an endless loop ends with the agent that is killed", async () => {
    const folder = serviceFolder({ tasks: tasksNamed("hang") }, `export default { tasks: { hang() { for (;;); } } }`)
    const agent = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "hanging-agent.ts"), folder])
    const [line] = (await once(agent.stdout, "data")) as [Buffer]
    const pid = Number(String(line))
    assert.ok(existsSync(`/proc/${pid}`))
    agent.kill("SIGKILL")
    await once(agent, "exit")
    await until(() => hasEnded(pid), 5000, `the end of child ${pid} without its agent`)
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
      tested.bridge.lines.length = 0
      const cancel = new AbortController()
      const answer = call(service, task, {}, cancel.signal)
      await tested.bridge.until(() => tested.bridge.lines.some((line) => line.message === "begun"), "begun")
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
    assert.ok(tested.bridge.lines.length <= 300, `${tested.bridge.lines.length} lines came through`)
    const leftOut = tested.bridge.lines.filter((line) => line.message === "log lines left out")
    const count = leftOut.reduce((sum, line) => sum + Number(line.fields["count"]), 0)
    assert.equal(count + tested.bridge.lines.length - leftOut.length, 5000)
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
})
