import { once } from "node:events"
import { Agent, type IncomingMessage, request } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Bench } from "../bench.ts"
import { cpuSeconds, endProcess, type Run, startPeer } from "../program.ts"
import { closedLoop } from "../subjects/closed-loop.ts"
import { installed } from "./install.ts"

const PACKAGES = ["@restatedev/restate-server@1.7.12", "@restatedev/restate-sdk@1.17.2"]
const READY_MS = 60_000
/** Its service runs on Node and must be compiled as warm as ours. */
const WARM_UP = 3000

/** @returns runs `count` workflows, `concurrency` at a time, counting the CPU of server and service; null without it */
export async function restate(bench: Bench): Promise<((concurrency: number, count: number) => Promise<Run>) | null> {
  const folder = installed(bench, "restate", PACKAGES)
  if (folder === null) return null
  const [ingress, admin, fabric, port] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const server = startPeer(
    join(folder, `node_modules/@restatedev/restate-server-linux-${process.arch}/bin/restate-server`),
    ["--base-dir", join(bench.folder, "restate"), "--node-name", "bench"],
    {
      RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${fabric}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: "true",
      DO_NOT_TRACK: "1",
      RUST_LOG: "error",
    },
  )
  bench.after(() => endProcess(server, "SIGKILL"))
  const script = fileURLToPath(new URL("restate-service.mjs", import.meta.url))
  const service = startPeer(process.execPath, [script, folder, String(port)])
  bench.after(() => endProcess(service, "SIGKILL"))
  if (!(await registered(admin, port))) {
    bench.note("Restate did not come up: its figures are left out")
    return null
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  const used = () => cpuSeconds(server.pid!) + cpuSeconds(service.pid!)
  const run = async (concurrency: number, count: number): Promise<Run> => {
    const before = used()
    const report = await closedLoop({ work: "", concurrency, count }, () => call(agent, ingress))
    const cpu = used() - before
    return { ...report, cpuSeconds: cpu, perCpuSecond: count / cpu }
  }
  await run(64, WARM_UP)
  return run
}

/** Asks until the server answers and has found the service. */
async function registered(admin: number, port: number): Promise<boolean> {
  const signal = AbortSignal.timeout(READY_MS)
  const body = JSON.stringify({ uri: `http://127.0.0.1:${port}`, force: true })
  while (!signal.aborted) {
    try {
      const url = `http://127.0.0.1:${admin}/deployments`
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body, signal })
      await answer.text()
      if (answer.ok) return true
    } catch {
      // Not there yet: the server says nothing when it is.
    }
    await setTimeout(200)
  }
  return false
}

async function call(agent: Agent, port: number): Promise<void> {
  const body = JSON.stringify({ number: 1, text: "x".repeat(100) })
  const headers = { "content-type": "application/json", "content-length": body.length }
  const asking = request({ agent, host: "127.0.0.1", port, path: "/steps/run", method: "POST", headers })
  asking.end(body)
  const [answer] = (await once(asking, "response")) as [IncomingMessage]
  answer.resume()
  await once(answer, "end")
  if (answer.statusCode !== 200) throw new Error(`Restate answered ${answer.statusCode}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, "close")
  return port
}
