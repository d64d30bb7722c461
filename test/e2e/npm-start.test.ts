import assert from "node:assert/strict"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { ExecutionView } from "../../agent/schema/execution.ts"
import { ROOT } from "../support/sources.ts"

const run = promisify(execFile)
const READY = /^Ctrl-C stops everything/m

/** `npm start` as a person in a terminal has it: a process group of its own, with a home of its own. */
class Started {
  readonly child: ChildProcess
  output = ""
  readonly #exited: Promise<number | null>
  readonly #looks = new Set<() => void>()

  constructor(env: NodeJS.ProcessEnv, sets: readonly string[]) {
    const args = ["start", "--silent", "--", ...sets.flatMap((set) => ["--set", set])]
    this.child = spawn("npm", args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString("utf8")
        for (const look of this.#looks) look()
      })
    }
    this.#exited = once(this.child, "close").then(([code]) => code as number | null)
  }

  /** Resolves with what the pattern found in the output. @throws where it ends before */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray>()
    const look = () => {
      const found = pattern.exec(this.output)
      if (found !== null) resolve(found)
    }
    this.#looks.add(look)
    look()
    const over = this.#exited.then((code) => {
      throw new Error(`it ended with ${code} before ${pattern}:\n${this.output}`)
    })
    try {
      return await Promise.race([promise, over])
    } finally {
      this.#looks.delete(look)
      over.catch(() => {}) // It may end now: the race is decided.
    }
  }

  exited(): Promise<number | null> {
    return this.#exited
  }

  /** Ctrl-C: the terminal tells every process of the group. */
  interrupt(): Promise<number | null> {
    process.kill(-this.child.pid!, "SIGINT")
    return this.#exited
  }

  /** Whether any process of the group is left. */
  hasOrphans(): boolean {
    try {
      process.kill(-this.child.pid!, 0)
      return true
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ESRCH")
      return false
    }
  }

  end(): void {
    if (this.hasOrphans()) process.kill(-this.child.pid!, "SIGKILL")
  }
}

describe("npm start", function () {
  this.timeout(180_000)
  let folder: string
  let env: NodeJS.ProcessEnv
  let started: Started | null = null
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mesg-start-"))
    const inherited = Object.entries(process.env).filter(([name]) => !/^(?:MESG_|XDG_|npm_)/i.test(name))
    env = { ...Object.fromEntries(inherited), HOME: folder }
  })
  afterEach(() => started?.end())
  after(() => rmSync(folder, { recursive: true, force: true }))

  const start = (...sets: string[]) =>
    (started = new Started(env, sets.length > 0 ? sets : ["mqtt.port=0", "http.port=0"]))
  const executions = async (): Promise<ExecutionView[]> => {
    const { stdout } = await run("npm", ["run", "--silent", "mesg", "--", "execution", "list", "--json"], {
      cwd: ROOT,
      env,
    })
    return (JSON.parse(stdout) as { items: ExecutionView[] }).items
  }
  const ofCar = (items: readonly ExecutionView[], car: string) =>
    items.filter(({ trigger }) => (trigger.data as { car: string }).car === car)

  /** Ctrl-C: exit code 0, nobody left, and no complaint. */
  const endsCleanly = async (agent: Started) => {
    const before = agent.output
    assert.equal(await agent.interrupt(), 0)
    assert.equal(
      agent.output
        .slice(before.length)
        .replaceAll(/^npm notice.*$/gm, "")
        .trim(),
      "",
    )
    assert.equal(agent.hasOrphans(), false)
  }

  it("says where it is, what became of the first event, and gives a line that, pasted, runs the workflow", async () => {
    const agent = start()
    await agent.until(READY)
    assert.match(agent.output, / {2}API {11}http:\/\/127\.0\.0\.1:\d+\//)
    const [, port] = (await agent.until(/MQTT +mqtt:\/\/127\.0\.0\.1:(\d+)/)) as unknown as [string, string]
    assert.match(
      agent.output,
      /The first event[^]*status {7}completed[^]*pay paid[^]*tell published[^]*standby ok[^]*\[completed\][^]*note {2}\[not-taken\]/,
    )

    const [line] = await agent.until(/^mosquitto_pub .*$/m)
    assert.ok(line.includes(`-p ${port}`), line)
    await run("sh", ["-c", line])
    await agent.until(
      / completed: charger\/charge-finished \{"car":"c-2".* => pay paid -> tell published -> standby ok/,
    )
    const [execution, ...others] = ofCar(await executions(), "c-2")
    assert.deepEqual(others, [])
    assert.equal(execution?.status, "completed")
    assert.deepEqual(execution.branches, [
      { path: ["pay", "tell", "standby"], status: "completed", remaining: [] },
      { path: ["pay", "note"], status: "not-taken", remaining: [] },
    ])
    assert.deepEqual(execution.tasks["pay"]?.data, { receipt: `acme-power/${execution.id}.pay`, amount: 5.74 })

    // Another line of the same kind takes the other branch.
    await run("sh", ["-c", line.replace(/-m .*$/, `-m '{"car":"c-3","kwh":900,"price":0.31}'`)])
    await agent.until(/ completed: charger\/charge-finished \{"car":"c-3".* => pay refused -> note written/)

    await endsCleanly(agent)
  })

  it("goes on where it was: the first event makes no second execution, the application no second version", async () => {
    const agent = start()
    await agent.until(READY)
    assert.match(agent.output, /application {2}ev-charging v1, charge-finished/)
    const all = await executions()
    assert.equal(all.length, 3)
    assert.equal(all.filter(({ trigger }) => trigger.id === "the-first-charge").length, 1)
    const { stdout } = await run("npm", ["run", "--silent", "mesg", "--", "app", "show", "ev-charging", "--json"], {
      cwd: ROOT,
      env,
    })
    assert.equal((JSON.parse(stdout) as { version: number }).version, 1)
    await endsCleanly(agent)
  })

  for (const key of ["mqtt.port", "http.port"]) {
    it(`names a ${key} that is taken, and what to do`, async () => {
      const other = createServer().listen(0, "127.0.0.1")
      await once(other, "listening")
      const { port } = other.address() as AddressInfo
      try {
        const agent = start("mqtt.port=0", "http.port=0", `${key}=${port}`)
        assert.equal(await agent.exited(), 1)
        assert.match(agent.output, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`))
        assert.match(agent.output, new RegExp(`npm start -- --set ${key}=${port + 1}`))
        assert.equal(agent.hasOrphans(), false)
      } finally {
        other.close()
      }
    })
  }

  it("refuses options it does not know, with those it takes", async () => {
    const { code, stderr } = await run("npm", ["start", "--silent", "--", "--port", "1"], { cwd: ROOT, env }).then(
      () => ({ code: 0, stderr: "" }),
      (error: { code: number; stderr: string }) => error,
    )
    assert.equal(code, 2)
    assert.match(stderr, /--home DIR.*--set KEY=VALUE/)
  })
})
