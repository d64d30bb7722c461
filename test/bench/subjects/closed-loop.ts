import { quantile } from "../rounds.ts"
import type { Job, RunReport } from "../program.ts"

/** Does `count` of `one`, `concurrency` at a time. */
export async function closedLoop({ concurrency, count }: Job, one: () => Promise<unknown>): Promise<RunReport> {
  const latencies: number[] = []
  const report = beginReport()
  let begun = 0
  const worker = async () => {
    while (begun++ < count) {
      const from = performance.now()
      await one()
      latencies.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return report(latencies)
}

/** @returns what ends the report, given how long each took, ms */
export function beginReport(): (latencies: readonly number[]) => RunReport {
  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  return (latencies) => {
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      count: latencies.length,
      seconds: (performance.now() - began) / 1000,
      cpuSeconds: (user + system) / 1e6,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    }
  }
}

/** Does jobs as they are asked for, until the parent lets go. */
export function serveJobs(work: (job: Job) => Promise<RunReport>, stop: () => Promise<void>): void {
  process.on("message", (job: Job) => {
    work(job).then(
      (report) => process.send!(report),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.on("disconnect", () => {
    stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.send!("ready")
}
