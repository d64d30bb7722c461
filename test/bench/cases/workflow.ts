import { join } from "node:path"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { type Run, Subject } from "../program.ts"
import { restate } from "../peers/restate.ts"
import { interleaved, median, medianRatio } from "../rounds.ts"

/** Until V8 has compiled what there is to compile: what a service that runs for years costs, not its first second. */
const WARM_UP = 40_000
const LIMIT = "4 puts on bare LMDB"
const WORKS = { "3 effects": "send 3", "3 pure tasks": "count 3" } as const

/** Durable workflows of three steps, beside what LMDB allows at best and beside another durable engine. */
export async function benchWorkflow(bench: Bench): Promise<void> {
  const engine = await Subject.start("engine", join(bench.folder, "home"))
  const lmdb = await Subject.start("lmdb", join(bench.folder, "lmdb"))
  bench.after(() => Promise.all([engine.stop(), lmdb.stop()]))
  const peer = await restate(bench)
  await lmdb.run({ work: "", concurrency: 64, count: WARM_UP })
  for (const [name, work] of Object.entries(WORKS)) {
    await engine.run({ work, concurrency: 64, count: WARM_UP })
    const jobs = (concurrency: number, count: number) =>
      interleaved<"engine" | "lmdb" | "restate", Run | null>({
        engine: () => engine.run({ work, concurrency, count }),
        lmdb: () => lmdb.run({ work: "", concurrency, count }),
        restate: async () => (peer === null ? null : peer(concurrency, Math.ceil(count / 8))),
      })
    reportMany(bench, name, await jobs(64, scaled(8000, 20_000)), work === "send 3")
    reportOne(bench, name, await jobs(1, scaled(30, 500)))
    await reportGrowth(bench, name, engine, work)
  }
}

type Samples = Record<"engine" | "lmdb" | "restate", (Run | null)[]>
const perCpuSecond = (run: Run | null) => run!.perCpuSecond
const p50 = (run: Run | null) => run!.p50Ms

function reportMany(bench: Bench, name: string, { engine, lmdb, restate: peer }: Samples, isGate: boolean): void {
  const value = median(engine.map(perCpuSecond))
  bench.report({
    name: `workflow of ${name}, 64 at a time`,
    value,
    unit: "wf/CPU-s",
    against: { kind: "limit", name: LIMIT, value: median(lmdb.map(perCpuSecond)) },
    ratio: medianRatio(engine, lmdb, perCpuSecond),
    gate: [
      { of: "value", atLeast: 6000 },
      { of: "ratio", atLeast: 0.25 },
    ],
    aim: [{ of: "ratio", atLeast: 0.5 }],
    beside: {
      "wf/s": Math.round(median(engine.map((run) => run!.count / run!.seconds))),
      p50Ms: median(engine.map(p50)),
    },
  })
  if (!isGate || peer.includes(null)) return
  bench.report({
    name: `workflow of ${name}, 64 at a time`,
    value,
    unit: "wf/CPU-s",
    against: { kind: "peer", name: "Restate", value: median(peer.map(perCpuSecond)) },
    ratio: medianRatio(engine, peer, perCpuSecond),
    gate: [{ of: "ratio", atLeast: 30 }],
    aim: [{ of: "ratio", atLeast: 60 }],
  })
}

function reportOne(bench: Bench, name: string, { engine, lmdb }: Samples): void {
  bench.report({
    name: `workflow of ${name}, one at a time, p50`,
    value: median(engine.map(p50)),
    unit: "ms",
    against: { kind: "limit", name: LIMIT, value: median(lmdb.map(p50)) },
    ratio: medianRatio(engine, lmdb, p50),
    gate: [{ of: "ratio", atMost: 2 }],
    aim: [{ of: "ratio", atMost: 1 }],
    beside: { "wf/CPU-s": Math.round(median(engine.map(perCpuSecond))) },
  })
}

/** A hundred times as many workflows may cost a hundred times as much each log n, no more. */
async function reportGrowth(bench: Bench, name: string, engine: Subject, work: string): Promise<void> {
  const base = scaled(200, 1000)
  const cost: number[] = []
  for (const times of [1, 10, 100]) {
    const runs: number[] = []
    for (let round = 0; round < (times === 100 ? 1 : 5); round++) {
      runs.push(1 / perCpuSecond(await engine.run({ work, concurrency: 64, count: base * times })))
    }
    cost.push(median(runs))
  }
  const [once, ten, hundred] = cost as [number, number, number]
  bench.report({
    name: `workflow of ${name}: cost of each of ${base * 100} beside each of ${base}`,
    value: hundred / once,
    unit: "x",
    gate: [{ of: "value", atMost: Number((Math.log(base * 100) / Math.log(base)).toFixed(2)) }],
    aim: [{ of: "value", atMost: 1.1 }],
    beside: { "10x": Number((ten / once).toFixed(2)) },
  })
}
