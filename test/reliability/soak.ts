/*
 * A day of mixed load in twenty minutes (SOAK_MINUTES): publishers of every QoS and HTTP, waits and timers, clients that
 * come and go, a service that ends now and then and is upgraded live. Samples the agent from outside; at the end nothing
 * may have grown: resident memory, queues, open files, and the store beyond its quota.
 *
 *   npm run soak
 */
import { once } from "node:events"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { connectAsync } from "mqtt"
import { WebSocket } from "ws"
import { messageOf } from "../../agent/base/errors.ts"
import { seededRandom } from "../../agent/base/random.ts"
import type { ManifestInput } from "../../agent/sdk.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { serviceFolder } from "../support/service-folder.ts"
import { tempDir } from "../support/temp-dir.ts"
import { statusOf } from "./load/finish.ts"
import { Load } from "./load/load.ts"
import { until } from "../support/until.ts"

const MINUTES = Number(process.env["SOAK_MINUTES"] ?? 20)
const SAMPLE_MS = 10_000
/** The agent must have accepted something in this time. */
const STALL_MS = 60_000
const QUOTA_MB = 16
/** The first part of the run, in which caches and pools fill, and the store comes to its quota. */
const WARM_UP_SHARE = 0.5
const MIB = 1048576
/**
 * How much each may rise from the warm-up to the end: a line through the samples. The heap is measured after a collection
 * and shows a leak first; resident memory also follows what the collector has not given back, and files the connections
 * of the load. What waits for sessions that are away is gone when they come: how much of it a sample meets is chance, so
 * its peaks are compared, those of one half with those of the other.
 */
const RULERS = {
  rssMb: { max: 48, riseOf: riseOfLine },
  heapMb: { max: 6, riseOf: riseOfLine },
  moving: { max: 60, riseOf: riseOfLine },
  queuedKb: { max: 128, riseOf: riseOfPeaks },
  files: { max: 32, riseOf: riseOfLine },
} as const

interface Sample {
  readonly atMs: number
  readonly rssMb: number
  readonly heapMb: number
  /** Executions that run or wait. */
  readonly moving: number
  readonly queuedKb: number
  readonly files: number
  readonly storeMb: number
}

const BRITTLE: Partial<ManifestInput> = {
  id: "brittle",
  tasks: { fall: { statuses: { done: {} }, effect: "idempotent" } },
}
const BRITTLE_CODE = "export default { tasks: { fall: () => process.exit(1) } }"

const home = tempDir("soak")
const ports = [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`]
const agent = await startAgent({
  home,
  sets: [...ports, `store.quotaMb=${QUOTA_MB}`, "log.level=error"],
  nodeFlags: ["--inspect=0"],
})
const collector = await openCollector()
const load = new Load(seededRandom(1), { clients: 2, window: 10, effectMs: 100, perSecond: 60 })
const problems: string[] = []
const samples: Sample[] = []
const life = new AbortController()
let restarts = 0
let visits = 0
let telemetry = 0
try {
  await load.install(agent)
  const schedules = { tick: { everyMs: 1000 } }
  await agent.json("service", "configure", "timer", "--config", JSON.stringify({ schedules }))
  await deploy(agent, "ticks", { service: "timer", event: "fired" })
  const disturbances = [publishTelemetry(), comeAndGo(), breakService()]
  const disturbed = Promise.all(disturbances).catch((error: unknown) => {
    if (!life.signal.aborted) problems.push(`a client failed: ${messageOf(error)}`)
  })
  load.start(agent)
  const endMs = performance.now() + MINUTES * 60_000
  let progress = { accepted: 0, atMs: performance.now() }
  const isStalled = () => performance.now() - progress.atMs > STALL_MS
  while (performance.now() < endMs && agent.process.exitCode === null && !isStalled()) {
    await pause(Math.min(SAMPLE_MS, (MINUTES * 60_000) / 12))
    const sample = await measure()
    samples.push(sample)
    if (load.ledger.accepted > progress.accepted) progress = { accepted: load.ledger.accepted, atMs: sample.atMs }
    const { rssMb, heapMb, moving, queuedKb, files, storeMb } = sample
    console.log(
      `${((performance.now() - endMs + MINUTES * 60_000) / 60_000).toFixed(1).padStart(5)} min  rss ${rssMb.toFixed(1)} MB  heap ${heapMb.toFixed(1)} MB  executions ${moving}  queued ${queuedKb.toFixed(0)} KB  files ${files}  store ${storeMb.toFixed(1)} MB  accepted ${load.ledger.accepted}`,
    )
  }
  life.abort()
  await disturbed
  if (isStalled()) problems.push(`after ${progress.accepted} events none was accepted for ${STALL_MS} ms`)
  else await load.finish()
  const quiet = async () => {
    const { running, waiting } = await statusOf(agent)
    return running === 0 && waiting === 0
  }
  await until(quiet, 60_000, "the end of all executions").catch((error: unknown) => problems.push(messageOf(error)))
  judge()
} finally {
  collector.close()
  const code = await agent.stop()
  if (code !== 0) problems.push(`the agent stopped with ${code}:\n${agent.output()}`)
  await load.stop()
}
console.log(
  `${load.ledger.accepted} events accepted, ${telemetry} of QoS 0, ${visits} visits, ${restarts} ends of a service, ${load.ledger.refusals} refusals`,
)
for (const problem of problems) console.log(`FAILED ${problem}`)
console.log(`${problems.length === 0 ? "1 passed, 0" : "0 passed, 1"} failed`)
process.exitCode = problems.length === 0 ? 0 : 1

/** Collects the agent's garbage before the heap is measured, through its inspector. */
async function openCollector(): Promise<{ collect(): Promise<void>; close(): void }> {
  const address = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(agent.output())
  if (address === null) throw new Error(`no inspector:\n${agent.output()}`)
  const socket = new WebSocket(address[0])
  await once(socket, "open")
  let id = 0
  return {
    async collect() {
      socket.send(JSON.stringify({ id: ++id, method: "HeapProfiler.collectGarbage" }))
      await once(socket, "message", { signal: AbortSignal.timeout(30_000) })
    },
    close: () => socket.close(),
  }
}

async function deploy(to: TestAgent, name: string, trigger: { service: string; event: string }): Promise<void> {
  const tasks = { tag: { run: "load.tag", with: { n: 0 } } }
  const answer = await to.api("PUT", `/applications/${name}`, { name, workflows: { [name]: { trigger, tasks } } })
  if (!answer.ok) throw new Error(await answer.text())
}

/** QoS 0, as most sensors send it: to nobody, and as an event. */
async function publishTelemetry(): Promise<void> {
  const client = await connectAsync(agent.mqtt.url, { clientId: "sensor", protocolVersion: 4 })
  while (!life.signal.aborted) {
    await client.publishAsync("tele/sensor/STATE", JSON.stringify({ n: telemetry }))
    await client.publishAsync("mesg/v1/load/event/paid", JSON.stringify({ n: 1_000_000_000 + telemetry }))
    telemetry++
    await pause(20)
  }
  await client.endAsync()
}

/** A dashboard with a session, and one without, that connect, look at the feed, and go. */
async function comeAndGo(): Promise<void> {
  while (!life.signal.aborted) {
    const kept = visits % 2 === 0
    const clientId = kept ? "dashboard" : `visitor-${visits}`
    const client = await connectAsync(agent.mqtt.url, { clientId, clean: !kept, protocolVersion: 4 })
    await client.subscribeAsync("mesg/v1/feed/execution/#", { qos: kept ? 1 : 0 })
    await pause(500)
    if (visits % 3 === 0) client.end(true)
    else await client.endAsync()
    visits++
    await pause(500)
  }
}

async function breakService(): Promise<void> {
  await agent.json("service", "add", serviceFolder(BRITTLE, BRITTLE_CODE))
  while (!life.signal.aborted) {
    await pause(5000)
    const answer = await agent.api("POST", "/services/brittle/tasks/fall", { inputs: {} })
    await answer.arrayBuffer()
    restarts++
    // An upgrade in place: from the same code, as a new version.
    if (restarts % 6 !== 0) continue
    const version = `1.0.${restarts}`
    // A call that still waits for the service may end it again before the command has seen it run.
    const added = await agent.api("POST", "/services", { source: serviceFolder({ ...BRITTLE, version }, BRITTLE_CODE) })
    const body = await added.text()
    if (!added.ok || (JSON.parse(body) as { version: string }).version !== version) throw new Error(body)
  }
}

async function measure(): Promise<Sample> {
  const { pid } = agent.process
  await collector.collect()
  const metrics = await (
    await fetch(`${agent.http}/metrics`, { headers: { authorization: `Bearer ${agent.token}` } })
  ).text()
  const { running, waiting } = await statusOf(agent)
  return {
    atMs: performance.now(),
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024,
    heapMb: metricOf(metrics, /^mesg_process_memory_bytes\{[^}]*heap[^}]*\} (\S+)/m) / MIB,
    moving: running + waiting,
    queuedKb: metricOf(metrics, /^mesg_mqtt_queued_bytes (\S+)/m) / 1024,
    files: readdirSync(`/proc/${pid}/fd`).length,
    storeMb: storeBytes() / MIB,
  }
}

/** What the file takes, by its length and by its blocks. */
function storeBytes(): number {
  const { size, blocks } = statSync(join(home, "data/store.mdb"))
  return Math.max(size, blocks * 512)
}

function metricOf(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)
  if (found === null) throw new Error(`no metric ${pattern}:\n${text}`)
  return Number(found[1])
}

function judge(): void {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE))
  for (const name of Object.keys(RULERS) as (keyof typeof RULERS)[]) {
    const { max, riseOf } = RULERS[name]
    const rise = riseOf(settled.map((sample) => ({ x: sample.atMs, y: sample[name] })))
    const verdict = rise <= max ? "ok    " : "FAILED"
    console.log(`${verdict} ${name} rose by ${rise.toFixed(1)} in the last ${settled.length} samples, at most ${max}`)
    if (rise > max) problems.push(`${name} grows: by ${rise.toFixed(1)}`)
  }
  const largest = Math.max(...samples.map(({ storeMb }) => storeMb))
  if (largest > QUOTA_MB) problems.push(`the store's file came to ${largest.toFixed(1)} MB, its quota is ${QUOTA_MB}`)
  const sent = load.ledger.sent.filter(({ gaveUp }) => !gaveUp).length
  if (load.ledger.accepted < sent) problems.push(`${sent - load.ledger.accepted} events were never accepted`)
}

interface Point {
  readonly x: number
  readonly y: number
}

function riseOfPeaks(points: readonly Point[]): number {
  const peak = (some: readonly Point[]) => Math.max(...some.map(({ y }) => y))
  const half = Math.floor(points.length / 2)
  return peak(points.slice(half)) - peak(points.slice(0, half))
}

/** Least squares: how much the line rises from the first x to the last. */
function riseOfLine(points: readonly Point[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(points.map((point) => point.x))
  const y = mean(points.map((point) => point.y))
  const slope =
    points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) /
    points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  return slope * (points.at(-1)!.x - points[0]!.x)
}

/** Load is what happens in time. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
