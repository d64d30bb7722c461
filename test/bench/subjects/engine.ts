import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createEngine } from "../../../agent/engine/engine.ts"
import type { Json } from "../../../agent/schema/json.ts"
import { createBroker } from "../../../agent/io/broker/broker.ts"
import { SystemClock } from "../../../agent/io/clock/clock.ts"
import { JsonataExpressions } from "../../../agent/io/expressions/expressions.ts"
import { openKeys } from "../../../agent/io/keys/keys.ts"
import { systemRandom } from "../../../agent/io/keys/random.ts"
import { createLog } from "../../../agent/io/log/log.ts"
import { PrometheusMetrics } from "../../../agent/io/metrics/metrics.ts"
import { serviceHost } from "../../../agent/io/service-host/host.ts"
import { serviceShelf } from "../../../agent/io/service-host/shelf.ts"
import { serviceSources } from "../../../agent/io/service-source/sources.ts"
import { LmdbStore } from "../../../agent/io/store/store.ts"
import { loadConfig } from "../../../agent/io/config/config.ts"
import { chain } from "../applications.ts"
import type { Job, RunReport } from "../program.ts"
import { beginReport, serveJobs } from "./closed-loop.ts"

/*
 * The engine with every port real, and nothing on the network: an event is accepted, tasks run one behind the other, and
 * the workflow counts once its end is durable. Works: `send N` (N effects outside) and `count N` (N pure tasks).
 */
const [home] = process.argv.slice(2) as [string]
const { config } = loadConfig({ home, env: {}, sets: [] })
const log = createLog({ level: "warn", format: "json" })
const store = new LmdbStore({ dir: join(home, "data"), quotaBytes: 2 ** 34, copies: 0, log })
await store.start()
const clock = new SystemClock({ notBeforeMs: store.lastTimeMs() })
store.keepTime(clock)
/** Told of each end of an execution. A subscriber of the feed would make the engine put every item together. */
let ended = () => {}
class CountedEnds extends PrometheusMetrics {
  override count(name: string, by?: number, labels?: Readonly<Record<string, string>>): void {
    super.count(name, by, labels)
    if (name === "mesg_executions_ended_total") ended()
  }
}
const metrics = new CountedEnds()
const authenticate = async () => null
const broker = createBroker({
  listen: config.listen,
  mqtt: config.mqtt,
  version: "bench",
  store,
  log,
  metrics,
  clock,
  authenticate,
  allowOrigin: () => false,
})
broker.open()
const engine = createEngine(
  {
    clock,
    random: systemRandom,
    store,
    keys: openKeys(join(home, "keys")),
    expressions: new JsonataExpressions(),
    log,
    metrics,
    broker,
    host: serviceHost(),
    shelf: serviceShelf(join(home, "plugins")),
    sources: serviceSources({ dir: join(home, "run", "unpacked"), registry: "http://127.0.0.1:9" }),
  },
  {
    builtInServices: [fileURLToPath(new URL("../service", import.meta.url))],
    maxActive: config.executions.maxActive,
    keepMs: 30 * 86_400_000,
    onBroken: (error) => {
      throw error
    },
  },
)
await engine.start()

const text = "x".repeat(100)
let number = 0

/** So many at a time, the next one at each end: nothing here waits for each, which would cost as much as a step. */
function workflows({ concurrency, count }: Job): Promise<RunReport> {
  const { promise, resolve, reject } = Promise.withResolvers<RunReport>()
  const begun = new Float64Array(count)
  const latencies: number[] = []
  const report = beginReport()
  let next = 0
  const begin = () => {
    if (next === count) return
    begun[next++] = performance.now()
    const data: Json = { number: number++, text }
    engine.events.accept({ service: "bench", event: "go", data }).catch(reject)
  }
  ended = () => {
    // Executions of one workflow end in the order in which they began, or nearly so.
    latencies.push(performance.now() - begun[latencies.length]!)
    if (latencies.length === count) resolve(report(latencies))
    else begin()
  }
  for (let i = 0; i < concurrency; i++) begin()
  return promise
}

let deployed = ""
serveJobs(
  async (job) => {
    if (job.work !== deployed) {
      const [task, length] = job.work.split(" ") as ["send" | "count", string]
      await engine.applications.deploy(chain(task, Number(length)), {})
      deployed = job.work
    }
    return workflows(job)
  },
  async () => {
    await engine.stop()
    await store.stop()
  },
)
