import { join } from "node:path"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { upTo } from "../figure.ts"
import { diskOf } from "../disk.ts"
import { Subject } from "../program.ts"

/** Until pages that were given back come round: from then on the file grows by what is kept alone. */
const WARM_UP = 4000
const KB = 1000

/**
 * One at a time a workflow costs its commits. Effects have one each, which nothing makes cheaper than bare puts; below
 * half of that comes who needs fewer.
 */
const CASES = [
  { work: "send 3", name: "3 effects", concurrency: 64, gate: upTo(6), aim: upTo(2.5) },
  { work: "send 3", name: "3 effects", concurrency: 1, gate: { of: "ratio", atMost: 1.1 }, aim: upTo(20) },
  { work: "count 3", name: "3 pure tasks", concurrency: 64, gate: upTo(6), aim: upTo(2.5) },
  { work: "count 3", name: "3 pure tasks", concurrency: 1, gate: upTo(40), aim: upTo(20) },
] as const

/** What a workflow costs the card. */
export async function benchDevice(bench: Bench): Promise<void> {
  const disk = diskOf(bench, "disk")
  if (disk === null) return
  const engine = await Subject.start("engine", join(disk.folder, "home"))
  const lmdb = await Subject.start("lmdb", join(disk.folder, "lmdb"))
  bench.after(() => Promise.all([engine.stop(), lmdb.stop()]))
  for (const { work, name, concurrency, gate, aim } of CASES) {
    const count = concurrency === 1 ? scaled(50, 2000) : scaled(3000, 20_000)
    const cost = async (subject: Subject) => {
      await subject.run({ work, concurrency: 64, count: WARM_UP })
      const before = disk.written()
      await subject.run({ work, concurrency, count })
      return (disk.written() - before) / count / KB
    }
    const value = await cost(engine)
    const limit = await cost(lmdb)
    bench.report({
      name: `device bytes of a workflow of ${name}, ${concurrency === 1 ? "one" : concurrency} at a time`,
      value,
      unit: "kB",
      against: { kind: "limit", name: "4 puts on bare LMDB", value: limit },
      ratio: value / limit,
      gate: [gate],
      aim: [aim],
    })
  }
}
