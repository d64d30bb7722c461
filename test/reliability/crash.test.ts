import assert from "node:assert/strict"
import { seededRandom } from "../../agent/base/random.ts"
import { startAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"
import { finishAndAudit, statusOf } from "./load/finish.ts"
import { Load } from "./load/load.ts"

/** Each round has a home of its own, so that the audit of all of its executions stays quick. */
const ROUNDS = scaled(1, 10)
const KILLS = Number(process.env["CRASH_KILLS"] ?? scaled(8, 20))
const IN_FLIGHT = scaled(200, 1000)
/** From spawn to ready with every execution resumed, ms. The promise is 2 s; at small scale others share the machine. */
const RECOVERY_MS = scaled(4000, 2000)
const RECOVERY_MS_ONE = scaled(10_000, 4000)
/** How long the rest may take once no event comes any more, ms. */
const END_MS = Number(process.env["CRASH_END_MS"] ?? 120_000)
const SEED = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000)

describe("kill -9", function () {
  this.timeout(scaled(180_000, 3_600_000))

  for (let round = 1; round <= ROUNDS; round++) {
    const seed = SEED + round
    it(`at ${KILLS} random instants with ${IN_FLIGHT} executions in flight loses, doubles and forgets nothing (CRASH_SEED=${SEED}, round ${round})`, async () => {
      const random = seededRandom(seed)
      const home = tempDir("crash")
      const sets = [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`]
      const options = { home, sets: [...sets, `executions.maxActive=${IN_FLIGHT}`, "log.level=warn", "store.copies=0"] }
      let agent = await startAgent(options)
      const load = new Load(random)
      const recoveries: number[] = []
      try {
        await load.install(agent)
        load.start(agent)
        for (let kill = 0; kill < KILLS; kill++) {
          const inFlight = async () => {
            const { running, waiting } = await statusOf(agent)
            return running + waiting >= IN_FLIGHT * 0.9
          }
          await until(inFlight, 60_000, "executions in flight")
          await new Promise((resolve) => setTimeout(resolve, random.below(400)))
          await agent.kill()
          agent = await startAgent(options)
          load.moved(agent)
          recoveries.push(agent.readyMs)
        }
        const findings = await finishAndAudit(load, agent, END_MS)
        console.log(
          `      recovery: median ${Math.round(median(recoveries))} ms, worst ${Math.round(Math.max(...recoveries))} ms`,
        )
        assert.deepEqual(findings, [])
        assert.ok(load.ledger.accepted >= IN_FLIGHT, `only ${load.ledger.accepted} events were accepted`)
        assert.ok(median(recoveries) <= RECOVERY_MS, `recoveries took ${recoveries.map(Math.round).join(", ")} ms`)
        assert.ok(Math.max(...recoveries) <= RECOVERY_MS_ONE, `a recovery took ${Math.max(...recoveries)} ms`)
      } finally {
        await agent.kill()
        await load.stop()
      }
    })
  }
})

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
