import { join } from "node:path"
import type { TestAgent } from "../../support/agent.ts"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import { startShipped, Subject } from "../program.ts"
import { interleaved, median, medianRatio, ROUNDS } from "../rounds.ts"

const FEW = 60

/** What many ended executions in the store do to starting, listing and showing, beside a store with few. */
export async function benchArchive(bench: Bench): Promise<void> {
  const many = scaled(2000, 100_000)
  const homes = { few: join(bench.folder, "few"), many: join(bench.folder, "many") }
  await fill(homes.few, FEW)
  await fill(homes.many, many)
  const started = (home: string) => async () => {
    const agent = await startShipped({ home, sets: ["log.level=warn"] })
    await agent.stop()
    return agent.readyMs
  }
  const unit = { few: FEW, many }
  report(bench, unit, "start", await interleaved({ few: started(homes.few), many: started(homes.many) }))
  const few = await startShipped({ home: homes.few, sets: ["log.level=warn"] })
  bench.after(() => few.kill())
  const full = await startShipped({ home: homes.many, sets: ["log.level=warn"] })
  bench.after(() => full.kill())
  report(bench, unit, "list", await interleaved({ few: () => list(few), many: () => list(full) }))
  report(bench, unit, "show", await interleaved({ few: () => show(few), many: () => show(full) }))
}

/** Runs so many executions in a home, as the agent itself would. */
async function fill(home: string, count: number): Promise<void> {
  const engine = await Subject.start("engine", home)
  await engine.run({ work: "send 3", concurrency: 64, count })
  await engine.stop()
}

function report(
  bench: Bench,
  { many }: { many: number },
  what: string,
  samples: { few: number[]; many: number[] },
): void {
  bench.report({
    name: `${what} with ${many} ended executions`,
    value: median(samples.many),
    unit: "ms",
    against: { kind: "peer", name: `with ${FEW}`, value: median(samples.few) },
    ratio: medianRatio(samples.many, samples.few, Number),
    gate: [{ of: "ratio", atMost: 2 }],
    aim: [{ of: "ratio", atMost: 1.2 }],
  })
}

async function list(agent: TestAgent): Promise<number> {
  return timed(async () => read(agent, "/executions?limit=50"))
}

async function show(agent: TestAgent): Promise<number> {
  const { items } = (await read(agent, "/executions?limit=50")) as { items: { id: string }[] }
  return timed(async () => read(agent, `/executions/${items.at(-1)!.id}`))
}

/** The median of some, in ms: one request is too short to be told from noise. */
async function timed(one: () => Promise<unknown>): Promise<number> {
  const runs: number[] = []
  for (let i = 0; i < ROUNDS * 4; i++) {
    const from = performance.now()
    await one()
    runs.push(performance.now() - from)
  }
  return median(runs)
}

async function read(agent: TestAgent, path: string): Promise<unknown> {
  const answer = await agent.api("GET", path)
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}
