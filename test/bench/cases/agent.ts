import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import type { TestAgent } from "../../support/agent.ts"
import type { Bench } from "../bench.ts"
import { residentBytes, SETTLED_MS, startShipped } from "../program.ts"
import { median, ROUNDS } from "../rounds.ts"

const MIB = 1048576

/** The agent as a gateway's owner feels it: memory, readiness, commands. */
export async function benchAgent(bench: Bench): Promise<void> {
  const home = join(bench.folder, "home")
  mkdirSync(home)
  const ready: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const agent = await startShipped({ home, sets: ["log.level=warn"] })
    ready.push(agent.readyMs)
    await agent.stop()
  }
  const bareNode = timed(() => execFileSync(process.execPath, ["-e", "0"]))
  bench.report({
    name: "ready after start",
    value: median(ready),
    unit: "ms",
    gate: [{ of: "value", atMost: 700 }],
    aim: [{ of: "value", atMost: 500 }],
    beside: { "bare node, ms": bareNode },
  })
  const agent = await startShipped({ home, sets: ["log.level=warn"] })
  bench.after(() => agent.kill())
  await setTimeout(SETTLED_MS)
  bench.report({
    name: "resident memory, idle, network off",
    value: residentBytes(agent.process.pid!) / MIB,
    unit: "MiB",
    gate: [{ of: "value", atMost: 80 }],
    aim: [{ of: "value", atMost: 64 }],
  })
  await reportCommand(bench, agent)
  await reportConfined(bench, agent)
}

async function reportCommand(bench: Bench, agent: TestAgent): Promise<void> {
  const trips: number[] = []
  await agent.json("status")
  for (let round = 0; round < ROUNDS * 3; round++) {
    const from = performance.now()
    await agent.json("status")
    trips.push(performance.now() - from)
  }
  bench.report({
    name: "`mesg status` of a running agent",
    value: median(trips),
    unit: "ms",
    gate: [{ of: "value", atMost: 150 }],
    aim: [{ of: "value", atMost: 80 }],
  })
}

async function reportConfined(bench: Bench, agent: TestAgent): Promise<void> {
  bench.report({
    name: "resident memory of a confined service",
    value: (await confinedBytes(bench, agent)) / MIB,
    unit: "MiB",
    gate: [{ of: "value", atMost: 50 }],
  })
}

/** @returns what a service of one task takes, in a child process of its own */
export async function confinedBytes(bench: Bench, agent: TestAgent): Promise<number> {
  const folder = join(bench.folder, "confined")
  mkdirSync(folder)
  const manifest = { id: "confined", name: "Confined", version: "1.0.0", tasks: { one: { statuses: { ok: {} } } } }
  writeFileSync(join(folder, "service.yml"), JSON.stringify(manifest))
  writeFileSync(join(folder, "index.js"), 'export default { tasks: { one: () => ({ status: "ok", data: {} }) } }\n')
  const added = await agent.api("POST", "/services", { source: folder })
  if (!added.ok) throw new Error(await added.text())
  await agent.json("service", "call", "confined", "one", "--inputs", "{}")
  await setTimeout(SETTLED_MS)
  return (await agent.json<{ memoryBytes: number }>("service", "show", "confined")).memoryBytes
}

function timed(action: () => unknown): number {
  const runs = Array.from({ length: ROUNDS }, () => {
    const from = performance.now()
    action()
    return performance.now() - from
  })
  return Math.round(median(runs))
}
