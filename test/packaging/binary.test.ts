import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { singleBinaryArguments } from "../../agent/base/node-command.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { builtBinary } from "../support/binary.ts"
import { copySources } from "../support/copied-sources.ts"
import { serviceFolder, tasksNamed } from "../support/service-folder.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const IDLE_MB_MAX = 110
/** What a child of the binary may take beyond one of Node itself. */
const CHILD_MB_MAX = 2

const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex")

/** What a first event does on a gateway: a message in, an execution, its task done. */
async function runsTheMainJob(agent: TestAgent): Promise<void> {
  const application = {
    name: "first",
    workflows: {
      first: {
        trigger: { service: "mqtt", event: "message", where: 'data.topic = "door/open"' },
        tasks: { keep: { run: "store.set", with: { key: "door", value: "{{ trigger.data.payload }}" } } },
      },
    },
  }
  const put = await agent.api("PUT", "/applications/first", application)
  assert.ok(put.ok, await put.clone().text())
  const { host, port } = agent.mqtt
  execFileSync("mosquitto_pub", ["-h", host, "-p", String(port), "-q", "1", "-t", "door/open", "-m", "true"])
  const ended = async () => {
    const page = (await (await agent.api("GET", "/executions?app=first")).json()) as { items: { status: string }[] }
    return page.items.map(({ status }) => status)
  }
  await until(async () => (await ended()).includes("completed"), 60_000, "the end of the execution")
  assert.deepEqual(await ended(), ["completed"])
}

describe("the single binary", function () {
  this.timeout(180_000)
  let binary: string
  let agent: TestAgent
  // The folder's name holds what a shell or Node's own options could take apart.
  const cache = join(tempDir("binary"), 'a "cache"')
  const env = { XDG_CACHE_HOME: cache }
  before(async () => {
    // As an installer leaves it: the kernel maps a file that was just built in larger pieces, which count 40 MB more.
    binary = join(tempDir("binary"), "mesg")
    copyFileSync(builtBinary(), binary)
    agent = await startAgent({ command: [binary], env })
  })
  after(async () => {
    await agent.kill()
    agent.clean()
  })

  it(`takes at most ${IDLE_MB_MAX} MB while nothing happens`, () => {
    const status = readFileSync(`/proc/${agent.process.pid}/status`, "utf8")
    const bytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024
    assert.ok(bytes <= IDLE_MB_MAX * 1e6, `${bytes} bytes`)
  })

  it(`takes at most ${CHILD_MB_MAX} MB more for a child than Node does`, () => {
    const folder = tempDir("child")
    // Copied as the binary is.
    const node = join(folder, "node")
    copyFileSync(process.execPath, node)
    const script = join(folder, "says.mjs")
    writeFileSync(script, "process.stdout.write(String(process.memoryUsage.rss()))")
    const least = (file: string, args: readonly string[]) =>
      Math.min(...[1, 2, 3].map(() => Number(execFileSync(file, args, { encoding: "utf8" }))))
    const more = least(binary, singleBinaryArguments([], script)) - least(node, [script])
    assert.ok(more <= CHILD_MB_MAX * 1e6, `${more} bytes`)
  })

  it("turns an event into a completed execution, with the services that it carries", () => runsTheMainJob(agent))

  it("finds its store again after it was killed, checked by a process of its own", async () => {
    await agent.kill()
    agent = await startAgent({ command: [binary], env, home: agent.home })
    const page = (await (await agent.api("GET", "/executions?app=first")).json()) as { items: { status: string }[] }
    assert.deepEqual(
      page.items.map(({ status }) => status),
      ["completed"],
    )
  })

  for (const isolation of ["confined", "in-process"] as const) {
    it(`runs a service in TypeScript from disk, ${isolation}`, async () => {
      const id = isolation === "confined" ? "child" : "inside"
      const code = `import { TaskError } from "@mesg/sdk"
        import { readFileSync } from "node:fs"
        export default { tasks: {
          fail: () => { throw new TaskError("NO_ANSWER", "nobody knows") },
          rest: () => { let read = true; try { readFileSync("/etc/hostname") } catch { read = false }
            return { status: "done", data: { read } } },
        } }`
      const folder = serviceFolder({ id, isolation, tasks: tasksNamed("fail", "rest") }, code)
      await agent.json("service", "add", folder, "--trust")
      const call = async (task: string) => {
        const answer = await agent.api("POST", `/services/${id}/tasks/${task}`, { inputs: {} }, { prefer: "wait=30" })
        return ((await answer.json()) as { data: Record<string, unknown> }).data
      }
      assert.equal((await call("fail"))["code"], "NO_ANSWER")
      assert.deepEqual(await call("rest"), { read: isolation === "in-process" })
    })
  }

  it("takes no flags for Node from the environment", () => {
    const { stdout } = spawnSync(binary, ["--version"], {
      env: { ...env, NODE_OPTIONS: "--no-such-flag" },
      encoding: "utf8",
    })
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it("does not load lmdb's addon when a byte of it was changed on disk, but writes it anew", () => {
    const library = join(cache, "mesg/lib")
    const addon = join(library, readdirSync(library)[0]!, "lmdb.node")
    const before = sha256(addon)
    appendFileSync(addon, "x")
    const run = spawnSync(binary, ["config", "show", "--home", tempDir("addon")], { env, encoding: "utf8" })
    assert.equal(run.status, 0, run.stderr)
    assert.equal(sha256(addon), before)
  })

  it("says so where it cannot unpack for this user alone", () => {
    const folder = tempDir("open")
    mkdirSync(join(folder, "mesg/lib"), { recursive: true })
    chmodSync(join(folder, "mesg/lib"), 0o777)
    const run = spawnSync(binary, ["--version"], { env: { XDG_CACHE_HOME: folder }, encoding: "utf8" })
    assert.equal(run.status, 1)
    assert.equal(run.stderr, `mesg: others may write to ${folder}/mesg/lib (BINARY_NOT_UNPACKED)\n`)
  })

  it("is the same, byte for byte, when it is built in another folder", () => {
    const elsewhere = join(tempDir("elsewhere"), "deeper/than/the/first")
    copySources(elsewhere)
    const arm64 = builtBinary("arm64")
    assert.equal(sha256(builtBinary("arm64", elsewhere)), sha256(arm64))
    assert.equal(sha256(builtBinary("x64", elsewhere)), sha256(binary))
    assert.equal(
      readFileSync(join(elsewhere, "dist/mesg.cdx.json"), "utf8"),
      readFileSync(join(ROOT, "dist/mesg.cdx.json"), "utf8"),
    )
  })

  it("does the same job on arm64", async () => {
    const arm64 = builtBinary("arm64")
    assert.ok(statSync(arm64).size > 1e8)
    const emulated = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", arm64]
    const emulatedAgent = await startAgent({ command: emulated, env, readyTimeoutMs: 150_000 })
    try {
      await runsTheMainJob(emulatedAgent)
    } finally {
      await emulatedAgent.kill()
      emulatedAgent.clean()
    }
  })
})
