// `npm run test:container`: the image of packaging/Dockerfile, built and run by podman where this machine lets it, and the
// same steps without an engine, by chroot. What could not be tried is said (`not run: …`).
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { builtBinary } from "../../support/binary.ts"
import { NotHere } from "../../support/debian.ts"
import { freePort } from "../../support/free-port.ts"
import { ROOT } from "../../support/sources.ts"
import { tempDir } from "../../support/temp-dir.ts"
import { until } from "../../support/until.ts"
import { chrootEngine } from "./chroot.ts"
import type { Engine } from "./engine.ts"
import { podmanEngine } from "./podman.ts"
import { faultsOf } from "./recipe.ts"

const RECIPE = join(ROOT, "packaging/Dockerfile")
/** What the recipe begins with. */
const BASE = "docker.io/library/debian:bookworm-slim"
/** That of the image. */
const USER = 10_001

const APPLICATION = `name: first
workflows:
  first:
    trigger: { service: mqtt, event: message, where: 'data.topic = "door/open"' }
    tasks:
      keep: { run: store.set, with: { key: door, value: "{{ trigger.data.payload }}" } }
`
const PINGER = {
  "service.yml": "id: pinger\nname: Pinger\nversion: 1.0.0\ntasks:\n  ping:\n    statuses: { done: {} }\n",
  "index.js": 'export default { tasks: { ping: () => ({ status: "done", data: {} }) } }\n',
}

describe("the recipe of the container", () => {
  const recipe = readFileSync(RECIPE, "utf8")

  it("leaves nothing to say", () => assert.deepEqual(faultsOf(recipe), []))

  const faults: { name: string; from: string | RegExp; to: string; says: RegExp }[] = [
    { name: "an unknown instruction", from: "WORKDIR /data", to: "WORKDIRE /data", says: /no instruction WORKDIRE/ },
    { name: "a base without a version", from: ":bookworm-slim", to: "", says: /has no version/ },
    { name: "a base of whatever version", from: ":bookworm-slim", to: ":latest", says: /has no version/ },
    { name: "a stage that is none", from: "--from=parts", to: "--from=part", says: /no stage part/ },
    { name: "a user that is root", from: "USER 10001:10001", to: "USER 0:0", says: /runs as "0:0"/ },
    { name: "no user", from: "USER 10001:10001\n", to: "", says: /runs as ""/ },
    { name: "a command for a shell that is not there", from: /^CMD .*$/m, to: "CMD start", says: /CMD needs a shell/ },
    { name: "a check for a shell", from: /CMD \["mesg", "status"\]/, to: "CMD mesg status", says: /HEALTHCHECK needs/ },
    { name: "a program that asks", from: "install --yes", to: "install", says: /it asks/ },
    {
      name: "what shellcheck finds",
      from: '"/binaries/mesg-linux-$arch"',
      to: "/binaries/mesg-linux-$ar",
      says: /SC2154/,
    },
  ]
  for (const { name, from, to, says } of faults) {
    it(`is known to be wrong with ${name}`, () => {
      const wrong = recipe.replace(from, to)
      assert.notEqual(wrong, recipe)
      assert.match(faultsOf(wrong).join("\n"), says)
    })
  }
})

for (const [name, makeEngine] of [
  ["podman", podmanEngine],
  ["chroot", chrootEngine],
] as const) {
  const work = tempDir("container")
  const engine = makeEngine(RECIPE, BASE, work)
  if (!(await canRun(name, engine))) continue
  describe(`the container, by ${name}`, function () {
    this.timeout(600_000)
    const data = join(work, "data")
    const mesg = (...words: readonly string[]) => engine.exec(["mesg", ...words])
    const completed = () => (JSON.parse(mesg("execution", "list", "--json")) as { items: { status: string }[] }).items
    let port: number

    const start = async () => {
      engine.start(data, { MESG_MQTT_PORT: String(port), MESG_HTTP_PORT: "0" })
      await until(() => engine.log().includes('"message":"ready"'), 60_000, "the agent")
    }

    before(async () => {
      port = await freePort()
      const context = join(work, "context")
      mkdirSync(context)
      copyFileSync(builtBinary(), join(context, "mesg-linux-x64"))
      engine.build(context)
      mkdirSync(join(data, "pinger"), { recursive: true })
      writeFileSync(join(data, "app.yml"), APPLICATION)
      for (const [file, text] of Object.entries(PINGER)) writeFileSync(join(data, "pinger", file), text)
      chownSync(data, USER, USER)
      chmodSync(data, 0o700)
    })
    after(() => engine.end())

    it("holds the agent, its libraries and setpriv, and no shell", () => {
      const others = engine.files().filter((path) => !/^(?:lib|lib64|usr\/lib)\/|^opt\/mesg\/lib\//.test(path))
      assert.deepEqual(others.sort(), ["etc/group", "etc/passwd", "opt/mesg/mesg", "usr/bin/setpriv"])
    })

    it("runs as a user of its own", async () => {
      await start()
      const words = ["-o", "uid=,gid=", "-p", String(engine.pid())]
      assert.deepEqual(execFileSync("ps", words, { encoding: "utf8" }).trim().split(/\s+/), [
        String(USER),
        String(USER),
      ])
      const status = readFileSync(`/proc/${engine.pid()}/status`, "utf8")
      assert.match(status, /^CapEff:\t0+$/m)
      assert.match(status, /^NoNewPrivs:\t1$/m)
    })

    it("says that it is well by the check of its image", () => assert.match(engine.exec(engine.check()), /^agent /))

    it("turns an event into a completed execution", async () => {
      mesg("app", "deploy", "/data/app.yml")
      const event = ["-h", "127.0.0.1", "-p", String(port), "-q", "1", "-t", "door/open", "-m", "true"]
      execFileSync("mosquitto_pub", event)
      await until(() => completed().some(({ status }) => status === "completed"), 60_000, "the end of the execution")
    })

    it("runs a confined service", () => {
      mesg("service", "add", "/data/pinger")
      assert.equal((JSON.parse(mesg("service", "show", "pinger", "--json")) as { state: string }).state, "running")
    })

    it("ends in order when it is told to, and another one goes on with its volume", async () => {
      assert.equal(await engine.stop(), 0)
      await start()
      assert.deepEqual(
        completed().map(({ status }) => status),
        ["completed"],
      )
    })

    it("says by the same check that it is not well", () => {
      execFileSync("mv", [join(data, "run/agent.json"), join(data, "run/elsewhere")])
      assert.throws(() => engine.exec(engine.check()), { status: 3 })
    })
  })
}

/** Said where it cannot: that says nothing about the agent. */
async function canRun(name: string, engine: Engine): Promise<boolean> {
  try {
    await engine.prepare()
    return true
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    console.log(`not run: by ${name}: ${error.message}`)
    return false
  }
}
