import { mkdirSync, rmSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { seededRandom } from "../../agent/base/random.ts"
import { startAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { until } from "../support/until.ts"
import { finishAndAudit } from "./load/finish.ts"
import { Load } from "./load/load.ts"
import { fillDisk } from "./small-disk.ts"

export interface FullDiskReport {
  readonly acceptedBefore: number
  readonly accepted: number
  readonly refusals: number
  /** Status and code that an event got while the disk was full. */
  readonly answer: readonly [number, string | undefined]
  /** What the agent said last if it ended by itself. */
  readonly ends: readonly string[]
  readonly findings: readonly string[]
}

const ENOUGH_EVENTS = 200
const ENOUGH_REFUSALS = 20
const ENOUGH_AFTER = 100
const END_MS = 60_000

const disk = process.argv[2]!
const home = join(disk, "home")
mkdirSync(home)
const options = {
  home,
  sets: [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`, "store.copies=0"],
}
const ends: string[] = []
const agent = await startAgent(options)
let stopping = false
void once(agent.process, "exit").then(() => {
  if (!stopping) ends.push(agent.output().trim().split("\n").slice(-3).join(" | "))
})
const load = new Load(seededRandom(1), { clients: 1, window: 20, effectMs: 50, perSecond: 150 })
await load.install(agent)
load.start(agent)
await until(() => load.ledger.accepted >= ENOUGH_EVENTS, 60_000, "the first events")

fillDisk(join(disk, "log-of-another"))
const acceptedBefore = load.ledger.accepted
const refusalsBefore = load.ledger.refusals
await until(() => ends.length > 0 || load.ledger.refusals - refusalsBefore >= ENOUGH_REFUSALS, 60_000, "a refusal")
const refusals = load.ledger.refusals - refusalsBefore
const refused = await agent.api("POST", "/services/load/events/order", { data: { n: -1 } })
const { code } = (await refused.json()) as { code?: string }

rmSync(join(disk, "log-of-another"))
const acceptedWhileFull = load.ledger.accepted
await until(() => load.ledger.accepted > acceptedWhileFull + ENOUGH_AFTER, 60_000, "events after there was room again")
stopping = true
const findings = await finishAndAudit(load, agent, END_MS, true)
await load.stop()
const { accepted } = load.ledger
const report: FullDiskReport = { acceptedBefore, accepted, refusals, answer: [refused.status, code], ends, findings }
process.stdout.write(`${JSON.stringify(report)}\n`)
