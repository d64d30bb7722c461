import assert from "node:assert/strict"
import { METRIC_SERIES_MAX } from "../../../../agent/base/limits.ts"
import { PrometheusMetrics } from "../../../../agent/io/metrics/metrics.ts"

describe("metrics", () => {
  it("are written in the format of Prometheus", async () => {
    const metrics = new PrometheusMetrics()
    metrics.count("mesg_events_total")
    metrics.count("mesg_events_total", 2)
    metrics.count("mesg_tasks_total", 1, { service: "http" })
    metrics.count("mesg_tasks_total", 4, { service: 'a"\n' })
    let depth = 1
    metrics.gauge("mesg_queue", "how many wait", () => depth)
    depth = 7
    metrics.observe("mesg_write_seconds", 0.02)
    metrics.observe("mesg_write_seconds", 0.02)
    metrics.observe("mesg_write_seconds", 99)
    const text = await metrics.text()
    for (const line of [
      "mesg_events_total 3",
      'mesg_tasks_total{service="http"} 1',
      'mesg_tasks_total{service="a\\"\\n"} 4',
      "# HELP mesg_queue how many wait",
      "mesg_queue 7",
      "# TYPE mesg_write_seconds histogram",
      'mesg_write_seconds_bucket{le="0.01"} 0',
      'mesg_write_seconds_bucket{le="0.025"} 2',
      'mesg_write_seconds_bucket{le="30"} 2',
      'mesg_write_seconds_bucket{le="+Inf"} 3',
      "mesg_write_seconds_count 3",
    ]) {
      assert.ok(text.split("\n").includes(line), `${line} is missing in\n${text}`)
    }
  })

  it("can be asked again and goes on counting", async () => {
    const metrics = new PrometheusMetrics()
    metrics.count("mesg_events_total")
    await metrics.text()
    metrics.count("mesg_events_total")
    assert.match(await metrics.text(), /^mesg_events_total 2$/m)
  })

  it("do not grow with labels from outside, and say that some were dropped", async () => {
    const metrics = new PrometheusMetrics()
    for (let i = 0; i < METRIC_SERIES_MAX + 5; i++) metrics.count("mesg_x_total", 1, { client: String(i) })
    metrics.count("mesg_x_total", 1, { client: "0" })
    const text = await metrics.text()
    assert.equal(text.match(/^mesg_x_total\{/gm)?.length, METRIC_SERIES_MAX)
    assert.match(text, /^mesg_x_total\{client="0"\} 2$/m)
    assert.match(text, /^mesg_metrics_dropped 5$/m)
  })
})
