import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { LANGUAGES, newService } from "../../../../agent/io/service-host/author/new-service.ts"
import { testService } from "../../../../agent/io/service-host/author/test-service.ts"
import { validateService } from "../../../../agent/io/service-host/author/validate-service.ts"
import type { ServiceError } from "../../../../agent/io/service-host/service-error.ts"
import { serviceHost } from "../../../../agent/io/service-host/host.ts"
import { RecordingBridge } from "../../../support/service-bridge.ts"
import { serviceFolder } from "../../../support/service-folder.ts"
import { tempDir } from "../../../support/temp-dir.ts"

const PLUGINS = resolve(import.meta.dirname, "../../../../plugins")

describe("a service author", function () {
  this.timeout(20_000)

  for (const language of LANGUAGES) {
    it(`gets a new service in ${language} that is valid and passes its own examples`, async () => {
      const folder = join(tempDir("author"), "thermo")
      const written = await newService(folder, { id: "thermo", language })
      assert.deepEqual([...written].sort(), readdirSync(folder).sort())
      for (const name of written) assert.ok(!readFileSync(join(folder, name), "utf8").includes("__ID__"), name)
      const validation = await validateService(folder)
      assert.equal(validation.manifest.id, "thermo")
      assert.deepEqual(validation.warnings, [])
      const report = await testService(folder, serviceHost())
      assert.deepEqual(
        report.examples.map((example) => example.message),
        ["", "", ""],
      )
      assert.equal(report.tier, language === "ts" || language === "js" ? "confined" : "program")
      assert.ok(report.ok)
      if (report.tier === "program") assert.ok(statSync(validation.code).mode & 0o100, "the program can be started")
    })
  }

  for (const language of ["ts", "js"] as const) {
    it(`gets a new service in ${language} that makes an event of a number, and of nothing else`, async () => {
      const folder = join(tempDir("author"), "thermo")
      await newService(folder, { id: "thermo", language })
      const host = serviceHost()
      const manifest = await host.manifestOf(folder)
      const bridge = new RecordingBridge()
      const config = { topic: "house/celsius" }
      const grants = { network: "declared" } as const
      const service = await host.run({ manifest, folder, isolation: "confined", config, grants }, bridge)
      try {
        for (const text of ["21.5", " -3\n", "1e2", "", " ", "warm", "21,5", "21.5 C", "NaN", "Infinity", "\xff"]) {
          await bridge.deliver("house/celsius", Buffer.from(text, "latin1"))
        }
        assert.deepEqual(
          bridge.events.map(({ event, data }) => [event, data]),
          [21.5, -3, 100].map((celsius) => ["measured", { celsius }]),
        )
        const warning = "a thermometer published what is no number"
        await bridge.until(() => bridge.lines.filter(({ message }) => message === warning).length === 8, "8 warnings")
      } finally {
        await service.stop()
      }
    })
  }

  it("is told what a program of its own can do, and what keeps it from being started", async () => {
    const folder = join(tempDir("author"), "thermo")
    await newService(folder, { id: "thermo", language: "python" })
    const [words, ...more] = (await validateService(folder)).permissions
    assert.match(words ?? "", /all rights of who starts it/)
    assert.deepEqual(more, [])
    chmodSync(join(folder, "service.py"), 0o644)
    assert.match((await validateService(folder)).warnings.join(), /service\.py cannot be started: chmod \+x/)
    rmSync(join(folder, "service.py"))
    await assert.rejects(validateService(folder), (error: ServiceError) => {
      assert.equal(error.code, "SERVICE_CODE_MISSING")
      assert.match(error.message, /index\.ts, .*service\.py, service\.sh/)
      return true
    })
  })

  it("has a program in Python that names an argument that is none, without a traceback", async () => {
    const folder = join(tempDir("author"), "thermo")
    await newService(folder, { id: "thermo", language: "python" })
    const program = (...words: string[]) => {
      const { status, stderr } = spawnSync("python3", [join(folder, "service.py"), ...words], { encoding: "utf8" })
      assert.doesNotMatch(stderr, /Traceback/)
      return `${status} ${stderr.trim().split("\n").at(-1)!}`
    }
    const key = "a".repeat(64)
    assert.match(program("--mqtt", "gateway", "--core", key), /^2 .*--mqtt gateway is not HOST:PORT/)
    assert.match(program("--mqtt", "gateway:x", "--core", key), /^2 .*--mqtt gateway:x is not HOST:PORT/)
    assert.match(program("--agent", "127.0.0.1"), /^2 .*--agent 127\.0\.0\.1 is no run\/agent\.json/)
    assert.match(program("--agent", join(folder, "service.yml")), /^2 .* is no run\/agent\.json/)
  })

  it("is told of an example that the code does not meet, with both sides", async () => {
    const folder = join(tempDir("author"), "thermo")
    await newService(folder, { id: "thermo", language: "ts" })
    const code = readFileSync(join(folder, "index.ts"), "utf8")
    writeFileSync(join(folder, "index.ts"), code.replace("+ 32", "+ 31"))
    const seen: number[] = []
    const report = await testService(folder, serviceHost(), { onExample: ({ example }) => seen.push(example) })
    assert.ok(!report.ok)
    assert.match(report.examples[0]?.message ?? "", /expected {"fahrenheit":212}, got {"fahrenheit":211}/)
    assert.deepEqual(seen, [1, 2, 3])
  })

  it("is told of an event that the manifest does not have", async () => {
    const folder = serviceFolder(
      { tasks: { a: { statuses: { done: {} }, examples: [{ inputs: {}, status: "done" }] } } },
      `export default { tasks: { async a(_: unknown, ctx) { await ctx.emit("nope", {}).catch(() => {}); return { status: "done" } } } }`,
    )
    const report = await testService(folder, serviceHost())
    assert.deepEqual(report.problems, ["event nope: it is not declared"])
    assert.ok(!report.ok)
  })

  it("is not given a folder that holds something, nor an id that cannot be", async () => {
    await assert.rejects(newService(PLUGINS, { id: "thermo", language: "ts" }), { code: "FOLDER_EXISTS" })
    await assert.rejects(newService("/proc/no/thermo", { id: "thermo", language: "ts" }), { code: "FOLDER_UNUSABLE" })
    await assert.rejects(newService(join(tempDir("author"), "x"), { id: "Feed", language: "ts" }), {
      code: "MANIFEST_INVALID",
    })
  })

  it("is told in words what a service may do", async () => {
    const folder = serviceFolder(
      {
        permissions: {
          network: ["*:443", "10.0.0.0/8:502"],
          files: ["/etc/hosts", "/tmp:rw"],
          env: ["TZ"],
          commands: ["ls"],
        },
        constraints: { memoryMb: 128 },
      },
      "export default {}",
    )
    assert.deepEqual((await validateService(folder)).permissions, [
      "It runs in a process of its own and reads nothing but its own folder and the agent's code.",
      "It connects to any host of the internet on port 443, 10.0.0.0/8 on port 502; to nothing else.",
      "It reads /etc/hosts.",
      "It reads and writes /tmp.",
      "It sees the environment variables TZ.",
      "It starts other programs (ls). These are not confined: it can do whatever the agent's user can.",
      "It takes up to 128 MiB of memory, beside Node's own.",
    ])
  })

  for (const id of readdirSync(PLUGINS)) {
    it(`finds ${id}, which ships with the agent, valid, in-process and true to its examples`, async () => {
      const folder = join(PLUGINS, id)
      const { manifest, warnings } = await validateService(folder)
      assert.equal(manifest.id, id)
      assert.equal(manifest.isolation, "in-process")
      assert.deepEqual(
        warnings.filter((warning) => !/no example shows/.test(warning)),
        [],
      )
      assert.match(
        readFileSync(join(folder, "README.md"), "utf8"),
        /workflows:/,
        "its README wires a first application",
      )
      const report = await testService(folder, serviceHost())
      assert.deepEqual(
        report.examples.filter((example) => !example.ok),
        [],
      )
      assert.deepEqual(report.problems, [])
    })
  }
})
