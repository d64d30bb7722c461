import type { Gauge, Registry } from "prom-client"
import { METRIC_SERIES_MAX } from "../../base/limits.ts"
import type { Metrics } from "../../ports/metrics.ts"

type Labels = Readonly<Record<string, string>>
interface Series {
  readonly labels: Labels
  value: number
}
interface Histogram {
  /** How many observations fell into each bucket, the last one being the rest. */
  readonly counts: number[]
  sum: number
}

/** Upper bounds in seconds: from a fast path to a task that takes its time. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const HELP = "See docs/reference/metrics.md"

/**
 * Counting costs a map look-up; prom-client, its format and the process's own figures are loaded when somebody asks
 * for the text the first time.
 */
export class PrometheusMetrics implements Metrics {
  readonly #counters = new Map<string, Map<string, Series>>()
  readonly #gauges = new Map<string, { help: string; read: () => number }>()
  readonly #histograms = new Map<string, Histogram>()
  #series = 0
  #dropped = 0

  count(name: string, by = 1, labels: Labels = {}): void {
    const key = keyOf(labels)
    const counter = this.#counters.get(name) ?? new Map<string, Series>()
    const series = counter.get(key)
    if (series !== undefined) {
      series.value += by
      return
    }
    if (!this.#room()) return
    counter.set(key, { labels, value: by })
    this.#counters.set(name, counter)
  }

  gauge(name: string, help: string, read: () => number): void {
    if (this.#gauges.has(name) || this.#room()) this.#gauges.set(name, { help, read })
  }

  observe(name: string, seconds: number): void {
    let histogram = this.#histograms.get(name)
    if (histogram === undefined) {
      if (!this.#room()) return
      histogram = { counts: [...BUCKETS, Number.POSITIVE_INFINITY].map(() => 0), sum: 0 }
      this.#histograms.set(name, histogram)
    }
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound)
    histogram.counts[bucket === -1 ? BUCKETS.length : bucket]! += 1
    histogram.sum += seconds
  }

  async text(): Promise<string> {
    const { default: prometheus } = await import("prom-client")
    const registry = new prometheus.Registry()
    const common = { help: HELP, registers: [registry] }
    for (const [name, series] of this.#counters) {
      const labelNames = Object.keys(series.values().next().value?.labels ?? {})
      const counter = new prometheus.Counter({ ...common, name, labelNames })
      for (const { labels, value } of series.values()) counter.inc(labels, value)
    }
    for (const [name, { help, read }] of this.#gauges) {
      new prometheus.Gauge({ name, help, registers: [registry] }).set(read())
    }
    for (const [name, histogram] of this.#histograms) registerHistogram(registry, name, histogram)
    new prometheus.Gauge({
      name: "mesg_metrics_dropped",
      help: "Series that were not counted because there are too many",
      registers: [registry],
    }).set(this.#dropped)
    setProcessFigures(new prometheus.Gauge({ ...common, name: "mesg_process_memory_bytes", labelNames: ["kind"] }))
    const cpu = process.cpuUsage()
    new prometheus.Counter({ ...common, name: "mesg_process_cpu_seconds_total" }).inc((cpu.user + cpu.system) / 1e6)
    return registry.metrics()
  }

  /** Labels that come from outside must not fill the memory. */
  #room(): boolean {
    if (this.#series >= METRIC_SERIES_MAX) {
      this.#dropped++
      return false
    }
    this.#series++
    return true
  }
}

function setProcessFigures(memory: Gauge): void {
  const { rss, heapUsed, external } = process.memoryUsage()
  for (const [kind, value] of Object.entries({ rss, heapUsed, external })) memory.set({ kind }, value)
}

function keyOf(labels: Labels): string {
  let key = ""
  for (const [name, value] of Object.entries(labels)) key += `${name}\u0000${value}\u0000`
  return key
}

// prom-client's own histogram takes single observations only; what a registry needs of a metric is its name and get().
function registerHistogram(registry: Registry, name: string, { counts, sum }: Histogram): void {
  let total = 0
  const values = counts.map((count, i) => {
    total += count
    return { labels: { le: i < BUCKETS.length ? BUCKETS[i]! : "+Inf" }, value: total, metricName: `${name}_bucket` }
  })
  const summary = [
    { labels: {}, value: sum, metricName: `${name}_sum` },
    { labels: {}, value: total, metricName: `${name}_count` },
  ]
  const metric = { name, help: HELP, type: "histogram", aggregator: "sum", values: [...values, ...summary] }
  registry.registerMetric({ ...metric, get: async () => metric } as unknown as Parameters<
    Registry["registerMetric"]
  >[0])
}
