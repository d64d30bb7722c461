import { join } from "node:path"
import { createBroker } from "../../../agent/io/broker/broker.ts"
import { SystemClock } from "../../../agent/io/clock/clock.ts"
import { loadConfig } from "../../../agent/io/config/config.ts"
import { createLog } from "../../../agent/io/log/log.ts"
import { PrometheusMetrics } from "../../../agent/io/metrics/metrics.ts"
import { LmdbStore } from "../../../agent/io/store/store.ts"

/* Our broker alone, with guard, authentication and ACL: a client has a password and may use nothing but t/#. */
const [home] = process.argv.slice(2) as [string]
const { config } = loadConfig({ home, env: {}, sets: ["mqtt.port=0"] })
const log = createLog({ level: "warn", format: "json" })
const store = new LmdbStore({ dir: join(home, "data"), quotaBytes: 2 ** 34, copies: 0, log })
await store.start()
const clock = new SystemClock({ notBeforeMs: store.lastTimeMs() })
store.keepTime(clock)
const password = Buffer.from("bench-password")
const broker = createBroker({
  listen: "127.0.0.1",
  mqtt: config.mqtt,
  version: "bench",
  store,
  log,
  metrics: new PrometheusMetrics(),
  clock,
  allowOrigin: () => false,
  authenticate: async (credentials) =>
    credentials.password !== null && password.equals(credentials.password)
      ? { name: "bench", publish: ["t/#"], subscribe: ["t/#"] }
      : null,
})
const { mqtt } = await broker.start()
process.on("disconnect", () => process.exit(0))
process.send!(mqtt.port)
