import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { messageOf } from "../../agent/base/errors.ts"
import { seededRandom } from "../../agent/base/random.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { until } from "../support/until.ts"
import { statusOf } from "./load/finish.ts"
import { Load } from "./load/load.ts"
import { fillDisk } from "./small-disk.ts"

export interface FullDiskStartReport {
  /** What the agent said that was started where there is nothing left at all. */
  readonly refusal: string
  /** Executions that the agent showed that was started where there is hardly anything left. */
  readonly shown: number
  /** How many events it took then, and what the next one got. */
  readonly taken: number
  readonly answer: readonly [number, string | undefined]
  /** Exit code of an agent that is stopped while the disk is full. */
  readonly stopped: number | null
  /** All of them, when there was room again. */
  readonly ended: number
}

const EVENTS = 20
/** Each of LARGE characters: more than the file has room for. */
const TAKEN_MAX = 100
const LARGE = 100_000
const HARDLY_ANYTHING = 128 * 1024

const disk = process.argv[2]!
const home = join(disk, "home")
mkdirSync(home)
const filler = join(disk, "log-of-another")
const sets = [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`, "store.copies=0"]
const options = { home, sets }
let number = 0

let agent = await startAgent(options)
const load = new Load(seededRandom(1), { clients: 0, window: 1, effectMs: 0, perSecond: 1 })
await load.install(agent)
for (let i = 0; i < EVENTS; i++) await send(agent)
await until(async () => (await endedOf(agent)) === EVENTS, 30_000, "the first executions")
await agent.kill()
// As after a stop in order: the blocks of the dead agent's address are somebody else's now.
rmSync(join(home, "run"), { recursive: true })

fillDisk(filler)
const refusal = await startAgent(options).then(() => "it started", messageOf)
rmSync(filler)
fillDisk(filler, HARDLY_ANYTHING)
agent = await startAgent(options)
const shown = await endedOf(agent)
let answer: readonly [number, string | undefined] = [202, undefined]
let taken = 0
while (answer[0] === 202 && taken < TAKEN_MAX) {
  answer = await send(agent, LARGE)
  if (answer[0] === 202) taken++
}
const stopped = await agent.stop()

rmSync(filler)
agent = await startAgent(options)
const settled = async () => {
  const { running, waiting } = await statusOf(agent)
  return running + waiting === 0
}
await until(settled, 60_000, "the end of all executions")
const [status] = await send(agent)
if (status !== 202) throw new Error(`with room again an event got ${status}`)
const ended = load.sink.calls.size
await agent.stop()
await load.stop()
const report: FullDiskStartReport = { refusal, shown, taken, answer, stopped, ended }
process.stdout.write(`${JSON.stringify(report)}\n`)

async function send(to: TestAgent, characters = 0): Promise<readonly [number, string | undefined]> {
  const data = { n: number++, filler: "x".repeat(characters) }
  const response = await to.api("POST", "/services/load/events/order", { data })
  const { code } = (await response.json()) as { code?: string }
  return [response.status, code]
}

async function endedOf(of: TestAgent): Promise<number> {
  const { executions } = (await (await of.api("GET", "/status")).json()) as { executions: { completed: number } }
  return executions.completed
}
