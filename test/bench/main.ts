import { mkdtempSync, rmSync } from "node:fs"
import { cpus, loadavg, totalmem } from "node:os"
import { join } from "node:path"
import type { Bench } from "./bench.ts"
import { benchAgent } from "./cases/agent.ts"
import { benchArchive } from "./cases/archive.ts"
import { benchBinary } from "./cases/binary.ts"
import { benchBroker } from "./cases/broker.ts"
import { benchCard } from "./cases/card.ts"
import { benchChain } from "./cases/chain.ts"
import { benchDevice } from "./cases/device.ts"
import { benchIdle } from "./cases/idle.ts"
import { benchInProcess } from "./cases/in-process.ts"
import { benchNodeRed } from "./cases/node-red.ts"
import { benchWholeWay } from "./cases/whole-way.ts"
import { benchWorkflow } from "./cases/workflow.ts"
import { type Figure, holds, lineOf, tableOf } from "./figure.ts"

/*
 * `npm run bench [-- NAME…]`: one line of JSON for each figure, then all of them as a table. Work is counted per CPU
 * second of the program under test, beside a peer or a limit in the same run, A B A B; medians of the rounds. CI_SCALE
 * sets the size. Ends with 1 where a gate does not hold.
 */
const BENCHES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  agent: benchAgent,
  archive: benchArchive,
  binary: benchBinary,
  broker: benchBroker,
  card: benchCard,
  device: benchDevice,
  idle: benchIdle,
  "in-process": benchInProcess,
  "node-red": benchNodeRed,
  "whole-way": benchWholeWay,
  workflow: benchWorkflow,
}

/** Those that are run by name only. */
const APART: Readonly<Record<string, (bench: Bench) => Promise<void>>> = { chain: benchChain }
const ALL = { ...BENCHES, ...APART }

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !Object.hasOwn(ALL, name))
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are: ${Object.keys(ALL).join(", ")}`)
  process.exit(2)
}

const figures: Figure[] = []
const [loadBefore = 0] = loadavg()
let broken = false
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) broken = !(await ran(name)) || broken
const [cpu] = cpus()
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load before ${loadBefore.toFixed(1)}`,
)
console.log(tableOf(figures))
process.exitCode = broken || figures.some((figure) => !holds(figure, figure.gate ?? [])) ? 1 : 0

async function ran(name: string): Promise<boolean> {
  // Beside the sources' own disk, not in memory: what is durable must be written.
  const folder = mkdtempSync(join(process.env["BENCH_DIR"] ?? "/var/tmp", `mesg-bench-${name}-`))
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  try {
    await ALL[name]!({
      folder,
      report(figure) {
        figures.push(figure)
        console.log(lineOf(figure))
      },
      note: (text) => console.error(`${name}: ${text}`),
      after: (end) => ends.push(end),
    })
    return true
  } catch (error) {
    console.error(`${name}:`, error)
    return false
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
