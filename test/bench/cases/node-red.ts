import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { buildNodeRedPackage } from "../../../packaging/nodered.mjs"
import { taskNode } from "../../support/node-red-flow.ts"
import { scaled } from "../../support/scale.ts"
import type { TestAgent } from "../../support/agent.ts"
import type { Bench } from "../bench.ts"
import { type Flow, functionNode, nodeRed } from "../peers/node-red.ts"
import { cpuSeconds, startShipped } from "../program.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"

const SERVICE = fileURLToPath(new URL("../service", import.meta.url))
const IN_FLIGHT = 64

interface Sample {
  readonly latencyMs: number
  readonly cpuMs: number
}

/**
 * Inline, a message calls a task of the agent: our node, and a plain function node that does the same by the API, in one
 * Node-RED. Both are durable in the agent; what differs is what our node adds. Beside them a function node that does
 * nothing at all.
 */
export async function benchNodeRed(bench: Bench): Promise<void> {
  const home = join(bench.folder, "home")
  mkdirSync(home)
  const agent = await startShipped({ home, sets: ["log.level=warn"] })
  bench.after(() => agent.kill())
  const added = await agent.api("POST", "/services", { source: SERVICE, trust: true })
  if (!added.ok) throw new Error(await added.text())
  await buildNodeRedPackage(join(bench.folder, "node-red/node_modules/@mesg/node-red"))
  const red = await nodeRed(
    bench,
    "node-red",
    [
      ...loop("ours", taskNode("ours", "mesg-task", ["ok"], { ok: ["ours-next"] }, OURS)),
      ...loop("theirs", callNode("theirs", agent)),
      ...loop("nothing", functionNode("nothing", "return msg", "nothing-next")),
    ],
    { MESG_HOME: agent.home },
  )
  if (red === null) return
  const pid = red.process.pid!
  const run = async (name: string, count: number, inFlight: number): Promise<Sample> => {
    const before = cpuSeconds(pid)
    const answer = await fetch(`http://127.0.0.1:${red.port}/${name}?count=${count}&inFlight=${inFlight}`)
    const { ms, wrong } = (await answer.json()) as { ms: number; wrong: string | null }
    if (wrong !== null) throw new Error(`${name} ended in ${wrong}`)
    return { latencyMs: (ms * inFlight) / count, cpuMs: ((cpuSeconds(pid) - before) * 1000) / count }
  }
  for (const name of ["ours", "theirs"]) await run(name, scaled(2000, 5000), IN_FLIGHT)
  await run("nothing", 100_000, IN_FLIGHT)
  const alone = await interleaved({
    ours: () => run("ours", scaled(200, 2000), 1),
    theirs: () => run("theirs", scaled(200, 2000), 1),
  })
  const many = await interleaved({
    ours: () => run("ours", scaled(2000, 20_000), IN_FLIGHT),
    theirs: () => run("theirs", scaled(2000, 20_000), IN_FLIGHT),
    nothing: () => run("nothing", scaled(100_000, 400_000), IN_FLIGHT),
  })
  const figure = (name: string, unit: string, of: (sample: Sample) => number, rounds: typeof alone) => ({
    name: `Node-RED inline: a task, ${name}`,
    unit,
    value: median(rounds.ours.map(of)),
    against: { kind: "peer" as const, name: "function node by the API", value: median(rounds.theirs.map(of)) },
    ratio: medianRatio(rounds.ours, rounds.theirs, of),
  })
  const latency = {
    gate: [{ of: "ratio" as const, atMost: 1.2 }],
    aim: [{ of: "ratio" as const, atMost: 1 }],
  }
  bench.report({ ...figure("one message at a time", "ms", ({ latencyMs }) => latencyMs, alone), ...latency })
  bench.report({ ...figure(`${IN_FLIGHT} at a time`, "ms", ({ latencyMs }) => latencyMs, many), ...latency })
  bench.report({
    ...figure(`${IN_FLIGHT} at a time, processor`, "CPU-ms", ({ cpuMs }) => cpuMs, many),
    gate: [{ of: "ratio", atMost: 1.5 }],
    aim: [{ of: "ratio", atMost: 1.2 }],
    beside: { idleFunctionCpuMs: median(many.nothing.map(({ cpuMs }) => cpuMs)) },
  })
}

const OURS = { service: "bench", task: "count", with: { number: { type: "msg", value: "payload.number" } } }

/** Keeps so many messages under way until so many have come back, and says how long that took. */
function loop(name: string, node: Flow[number]): Flow {
  const begin = `const count = Number(msg.req.query.count), inFlight = Number(msg.req.query.inFlight)
flow.set("${name}", { left: count, toSend: count - inFlight, began: Date.now(), asked: msg })
for (let i = 0; i < inFlight; i++) node.send({ payload: { number: i } })`
  const next = `const run = flow.get("${name}")
if (msg.status !== undefined && msg.status !== "ok") run.wrong = msg.status
if (--run.left === 0) {
  run.asked.payload = { ms: Date.now() - run.began, wrong: run.wrong ?? null }
  return [null, run.asked]
}
if (run.toSend-- > 0) return [{ payload: { number: run.left } }, null]`
  return [
    { id: `${name}-ask`, type: "http in", z: "tab", url: `/${name}`, method: "get", wires: [[`${name}-begin`]] },
    functionNode(`${name}-begin`, begin, name),
    node,
    { ...functionNode(`${name}-next`, next), outputs: 2, wires: [[name], [`${name}-say`]] },
    { id: `${name}-say`, type: "http response", z: "tab", wires: [] },
  ]
}

/** What a person writes who calls the agent from a function node: one connection per message under way, kept open. */
function callNode(name: string, { http, token }: TestAgent): Flow[number] {
  const url = JSON.stringify(`${http}/api/v1/services/bench/tasks/count`)
  const body = `const body = JSON.stringify({ inputs: { number: msg.payload.number } })
const headers = {
  authorization: "Bearer ${token}", "content-type": "application/json", prefer: "wait=30",
  "idempotency-key": RED.util.generateId(), "content-length": Buffer.byteLength(body),
}
const request = http.request(${url}, { method: "POST", headers, agent: context.get("agent") }, (response) => {
  let text = ""
  response.setEncoding("utf8")
  response.on("data", (part) => { text += part })
  response.on("end", () => {
    const { execution, status, data } = JSON.parse(text)
    node.send(Object.assign(msg, { payload: data, status: status ?? text, execution }))
    node.done()
  })
})
request.on("error", (error) => node.error(error, msg))
request.end(body)`
  return {
    ...functionNode(name, body, `${name}-next`),
    initialize: `context.set("agent", new http.Agent({ keepAlive: true, maxSockets: 128 }))`,
    libs: [{ var: "http", module: "http" }],
  }
}
