import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Plugin, recordingPlugin, runPlugin } from "../../support/run-plugin.ts"
import type { RecordingBridge } from "../../support/service-bridge.ts"
import { tempDir } from "../../support/temp-dir.ts"

describe("the service file", () => {
  let plugin: Plugin<RecordingBridge>
  let root: string
  let outside: string

  beforeEach(async () => {
    root = tempDir("file-root")
    outside = tempDir("file-outside")
    writeFileSync(join(outside, "secret"), "secret")
    plugin = await recordingPlugin("file", { roots: { r: root, gone: join(root, "not-there") } })
  })
  afterEach(() => plugin.stop())

  const at = (path: string, more: object = {}) => ({ root: "r", path, ...more })

  it("writes whole files, makes folders, reads back text, JSON and bytes", async () => {
    assert.deepEqual(await plugin.result("write", at("a/b/c.json", { content: { n: 1 } })), ["written", { bytes: 7 }])
    assert.deepEqual(await plugin.result("read", at("a/b/c.json", { as: "json" })), [
      "read",
      { content: { n: 1 }, bytes: 7 },
    ])
    assert.deepEqual(await plugin.result("write", at("bin", { base64: "/wA=" })), ["written", { bytes: 2 }])
    assert.deepEqual(await plugin.result("read", at("bin", { as: "base64" })), ["read", { content: "/wA=", bytes: 2 }])
    assert.deepEqual(await plugin.result("append", at("log", { content: "1\n" })), ["appended", { bytes: 2 }])
    assert.deepEqual(await plugin.result("append", at("log", { content: "2\n" })), ["appended", { bytes: 2 }])
    assert.deepEqual(await plugin.result("read", at("log")), ["read", { content: "1\n2\n", bytes: 4 }])
    assert.deepEqual(await plugin.result("remove", at("log")), ["removed", {}])
    assert.deepEqual(await plugin.result("remove", at("log")), ["missing", {}])
    assert.deepEqual(await plugin.result("read", at("log")), ["missing", {}])
    assert.deepEqual(readdirSync(join(root, "a/b")), ["c.json"], "nothing half-written stays")
  })

  const escapes = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/.",
    "link",
    "folder-link/secret",
    "folder-link",
    "a\0b",
  ]
  for (const path of escapes) {
    it(`no task leaves the root by ${JSON.stringify(path)}`, async () => {
      symlinkSync(join(outside, "secret"), join(root, "link"))
      symlinkSync(outside, join(root, "folder-link"))
      mkdirSync(join(root, "a"))
      for (const [task, more] of [
        ["read", {}],
        ["write", { content: "owned" }],
        ["append", { content: "owned" }],
      ] as const) {
        const [status, data] = (await plugin.result(task, at(path, more))) as [string, unknown]
        assert.equal(status, "refused", `${task}: ${JSON.stringify(data)}`)
      }
      assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret")
      assert.deepEqual(readdirSync(outside), ["secret"])
    })
  }

  it("puts no file in the place of a pipe", async () => {
    execFileSync("mkfifo", [join(root, "pipe")])
    assert.deepEqual(await plugin.result("write", at("pipe", { content: "x" })), [
      "refused",
      { reason: "it is no file" },
    ])
    assert.ok(lstatSync(join(root, "pipe")).isFIFO())
  })

  const contents: { name: string; more: object }[] = [
    { name: "no content", more: {} },
    { name: "two contents", more: { content: "a", base64: "YQ==" } },
    { name: "bytes that are no base64", more: { base64: "!!!" } },
  ]
  for (const { name, more } of contents) {
    it(`takes no inputs with ${name}: a file would be emptied`, async () => {
      for (const task of ["write", "append"]) await assert.rejects(plugin.call(task, at("x", more)), /inputs of/)
    })
  }

  it("refuses an unknown root, a root without a folder, a pipe, a folder, and what is too large", async () => {
    execFileSync("mkfifo", [join(root, "pipe")])
    mkdirSync(join(root, "folder"))
    writeFileSync(join(root, "large"), Buffer.alloc(128 * 1024 + 1))
    writeFileSync(join(root, "bytes"), Buffer.from([0xff]))
    const status = async (task: string, inputs: object) => ((await plugin.result(task, inputs as never)) as string[])[0]
    assert.equal(await status("read", { root: "constructor", path: "a" }), "refused")
    assert.equal(await status("write", { root: "gone", path: "a", content: "" }), "refused")
    for (const path of ["pipe", "folder", "large", "bytes"])
      assert.equal(await status("read", at(path)), "refused", path)
    assert.equal(await status("append", at("pipe", { content: "x" })), "refused")
    assert.equal(await status("remove", at("folder")), "refused")
  })

  describe("watching", () => {
    const watching = (bridge: RecordingBridge) =>
      runPlugin("file", { roots: { r: root }, watch: ["r/in"], intervalMs: 100 }, bridge)
    const told = (bridge: RecordingBridge) =>
      bridge.events.map(({ event, data }) => `${event} ${(data as { path: string }).path}`)

    it("tells what is added, changed and removed once it is quiet; what lay there before is no news", async () => {
      mkdirSync(join(root, "in"))
      writeFileSync(join(root, "in/old"), "old")
      const { bridge } = plugin
      const watcher = await watching(bridge)
      // The first look is done when what it saw is kept.
      await bridge.until(() => [...bridge.stored.keys()].some((key) => key.startsWith("seen/")), "kept what lay there")
      mkdirSync(join(root, "in/sub"))
      writeFileSync(join(root, "in/sub/new"), "1")
      await bridge.until(() => bridge.events.length === 1, "added")
      assert.deepEqual(bridge.events[0]?.data, {
        root: "r",
        path: "in/sub/new",
        bytes: 1,
        modified: (bridge.events[0]!.data as { modified: string }).modified,
      })
      writeFileSync(join(root, "in/old"), "older")
      await bridge.until(() => bridge.events.length === 2, "changed")
      rmSync(join(root, "in/sub/new"))
      await bridge.until(() => bridge.events.length === 3, "removed")
      assert.deepEqual(told(bridge), ["added in/sub/new", "changed in/old", "removed in/sub/new"])
      await watcher.stop()
    })

    it("tells at the next start what changed meanwhile, and an event that was lost in a crash has the same id again", async () => {
      mkdirSync(join(root, "in"))
      const { bridge } = plugin
      const first = await watching(bridge)
      await bridge.until(() => bridge.stored.size > 0, "kept")
      await first.stop()
      writeFileSync(join(root, "in/a"), "1")
      const kept = new Map(bridge.stored)
      const second = await watching(bridge)
      await bridge.until(() => bridge.events.length === 1, "added")
      await second.stop()
      // As if the machine had stopped between the event and what is kept of it.
      bridge.stored.clear()
      for (const [key, value] of kept) bridge.stored.set(key, value)
      const third = await watching(bridge)
      await bridge.until(() => bridge.events.length === 2, "added again")
      await third.stop()
      assert.equal(bridge.events[0]?.id, bridge.events[1]?.id)
      assert.deepEqual(told(bridge), ["added in/a", "added in/a"])
    })

    it("tries again until the agent takes an event", async () => {
      mkdirSync(join(root, "in"))
      const { bridge } = plugin
      const watcher = await watching(bridge)
      await bridge.until(() => bridge.stored.size > 0, "kept")
      bridge.refuse = new Error("overloaded")
      writeFileSync(join(root, "in/a"), "1")
      await bridge.until(() => bridge.lines.some((line) => /takes no event/.test(line.message)), "refused once")
      bridge.refuse = null
      await bridge.until(() => bridge.events.length === 1, "taken at last")
      await watcher.stop()
    })
  })
})
