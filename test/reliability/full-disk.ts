import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { seededRandom } from "../../agent/base/random.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { until } from "../support/until.ts"
import { finishAndAudit } from "./load/finish.ts"
import { Load } from "./load/load.ts"

export interface FullDiskReport {
  readonly acceptedBefore: number
  readonly accepted: number
  readonly refusals: number
  /** What the agent said at the end, each time it ended by itself. */
  readonly ends: readonly string[]
  readonly findings: readonly string[]
}

const ENOUGH_EVENTS = 200
const ENOUGH_REFUSALS = 20

const disk = process.argv[2]!
const home = join(disk, "home")
mkdirSync(home)
const options = {
  home,
  sets: [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`, "store.copies=0"],
}
const ends: string[] = []
let agent = await watched(await startAgent(options))
const load = new Load(seededRandom(1), { clients: 1, window: 20, effectMs: 50, perSecond: 150 })
await load.install(agent)
load.start(agent)
await until(() => load.ledger.accepted >= ENOUGH_EVENTS, 60_000, "the first events")

fillDisk(join(disk, "log-of-another"))
const acceptedBefore = load.ledger.accepted
const refusalsBefore = load.ledger.refusals
await until(() => ends.length > 0 || load.ledger.refusals - refusalsBefore >= ENOUGH_REFUSALS, 60_000, "a refusal")
const refusals = load.ledger.refusals - refusalsBefore

rmSync(join(disk, "log-of-another"))
if (ends.length > 0) agent = await startAgent(options)
const findings = await finishAndAudit(load, agent)
await load.stop()
const report: FullDiskReport = { acceptedBefore, accepted: load.ledger.accepted, refusals, ends, findings }
process.stdout.write(`${JSON.stringify(report)}\n`)

async function watched(started: TestAgent): Promise<TestAgent> {
  void once(started.process, "exit").then(() => ends.push(started.output().trim().split("\n").at(-1) ?? ""))
  return started
}

function fillDisk(path: string): void {
  const file = openSync(path, "w")
  const page = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, page)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
  } finally {
    closeSync(file)
  }
}
