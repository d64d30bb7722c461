// `npm run test:container`: the image of packaging/Dockerfile, built and run by podman (apt-get install podman runc).
// It starts containers by root's rights; the build needs none.
import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { builtBinary } from "../support/binary.ts"
import { bareDebian } from "../support/debian.ts"
import { freePort } from "../support/free-port.ts"
import { ROOT } from "../support/sources.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

/** What the recipe begins with, under the name that it has there. */
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

describe("the container", function () {
  this.timeout(600_000)
  const work = tempDir("container")
  const data = join(work, "data")
  /** With a store of its own: nothing of the machine's images and containers is touched. */
  const own = ["--root", join(work, "images"), "--runroot", join(work, "run"), "--storage-driver", "vfs"]
  const podman = (...words: readonly string[]) =>
    execFileSync("podman", [...own, "--runtime", "runc", "--cgroup-manager", "cgroupfs", ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim()
  const mesg = (...words: readonly string[]) => podman("exec", "gateway", "mesg", ...words)
  const completed = () => (JSON.parse(mesg("execution", "list", "--json")) as { items: { status: string }[] }).items
  let port: number

  /** As the guide has it, but without a network, a timer of systemd and limits that this machine may not give. */
  const start = async () => {
    podman(
      ...["run", "--detach", "--name", "gateway", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"],
      ...["--network=host", "--no-healthcheck", "--ulimit=nofile=4096:4096", "--ulimit=nproc=1024:1024"],
      ...["--volume", `${data}:/data`, "--env", `MESG_MQTT_PORT=${port}`, "--env", "MESG_HTTP_PORT=0", "mesg"],
    )
    await until(() => podman("logs", "gateway").includes('"message":"ready"'), 60_000, "the agent")
  }

  before(async () => {
    port = await freePort()
    const context = join(work, "context")
    mkdirSync(context)
    copyFileSync(builtBinary(), join(context, "mesg-linux-x64"))
    const debian = join(work, "debian.tar")
    execFileSync("tar", ["-C", await bareDebian(), "-cf", debian, "."])
    podman("import", "--quiet", debian, BASE)
    rmSync(debian)
    const words = ["--pull=never", "--network=host", "--isolation=chroot", "--layers=false", "--format=docker"]
    podman("build", ...words, "-f", join(ROOT, "packaging/Dockerfile"), "-t", "mesg", context)
    mkdirSync(join(data, "pinger"), { recursive: true })
    writeFileSync(join(data, "app.yml"), APPLICATION)
    for (const [name, text] of Object.entries(PINGER)) writeFileSync(join(data, "pinger", name), text)
    chownSync(data, USER, USER)
    chmodSync(data, 0o700)
    await start()
  })
  after(() => spawnSync("podman", [...own, "rm", "--force", "--all"], { stdio: "ignore" }))

  it("holds the agent, its libraries and setpriv, and no shell", () => {
    podman("create", "--name", "contents", "mesg")
    const tar = join(work, "contents.tar")
    podman("export", "--output", tar, "contents")
    const files = execFileSync("tar", ["-tf", tar], { encoding: "utf8" })
      .split("\n")
      .filter((path) => !path.endsWith("/"))
    const others = files.filter((path) => !/^(?:lib|lib64|usr\/lib)\/|^opt\/mesg\/lib\/|^$/.test(path))
    assert.deepEqual(
      others.filter((path) => !/^(?:dev|proc|run|sys|etc\/(?:hosts|hostname|mtab|resolv\.conf))/.test(path)).sort(),
      ["etc/group", "etc/passwd", "opt/mesg/mesg", "usr/bin/setpriv"],
    )
  })

  it("runs as a user of its own", () => {
    const pid = podman("inspect", "gateway", "--format", "{{.State.Pid}}")
    const ids = execFileSync("ps", ["-o", "uid=,gid=", "-p", pid], { encoding: "utf8" }).trim().split(/\s+/)
    assert.deepEqual(ids, [String(USER), String(USER)])
  })

  it("says that it is well by the check of its image", () => {
    const check = JSON.parse(podman("inspect", "mesg", "--format", "{{json .HealthCheck.Test}}")) as string[]
    assert.equal(check[0], "CMD")
    assert.match(podman("exec", "gateway", ...check.slice(1)), /^agent /)
  })

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
    podman("stop", "--time=20", "gateway")
    assert.equal(podman("inspect", "gateway", "--format", "{{.State.ExitCode}}"), "0")
    podman("rm", "gateway")
    await start()
    assert.deepEqual(
      completed().map(({ status }) => status),
      ["completed"],
    )
  })

  it("says by the same check that it is not well", () => {
    execFileSync("mv", [join(data, "run/agent.json"), join(data, "run/elsewhere")])
    assert.throws(() => mesg("status"), { status: 3 })
  })
})
