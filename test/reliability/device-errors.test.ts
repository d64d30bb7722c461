import assert from "node:assert/strict"
import { once } from "node:events"
import { seededRandom } from "../../agent/base/random.ts"
import { recorderLibrary } from "../power/recorder.ts"
import { startAgent, type TestAgent } from "../support/agent.ts"
import { freePort } from "../support/free-port.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"
import { finishAndAudit } from "./load/finish.ts"
import { Load } from "./load/load.ts"

const SEED = Number(process.env["DEVICE_SEED"] ?? Date.now() % 1_000_000)
const TRIES = scaled(1, 20)
/** The first calls belong to the start; a device that is broken by then is test/power's part. */
const FIRST_CALL = 40
const CALLS = 200
/** A failed call ends the process at once, a call that never answers after STORE_WRITE_TIMEOUT_MS. */
const END_MS = 30_000
/** What the file has in hand is used up first; a machine that does other things as well takes its time for that. */
const FULL_MS = 90_000

describe("a device that fails under the running agent", function () {
  this.timeout(180_000)

  for (const kind of ["sync", "write", "space"] as const) {
    for (let i = 1; i <= TRIES; i++) {
      const random = seededRandom(SEED + i)
      const nth = FIRST_CALL + random.below(CALLS)
      const then = kind === "space" ? "the agent refuses and stays" : "the agent ends and comes back"
      it(`${kind} error at call ${nth}: what was accepted is durable, ${then} (DEVICE_SEED=${SEED}, ${i})`, async () => {
        const home = tempDir("device")
        const sets = [`mqtt.port=${await freePort()}`, `http.port=${await freePort()}`, "store.copies=0"]
        const load = new Load(random, { clients: 1, window: 20, effectMs: 50, perSecond: 150 })
        let agent = await startAgent({ home, sets })
        try {
          await load.install(agent)
          assert.equal(await agent.stop(), 0)
          const env = {
            LD_PRELOAD: recorderLibrary(),
            POWER_WATCH: "/data/store.mdb",
            POWER_FAIL: kind,
            POWER_FAIL_NTH: String(nth),
          }
          agent = await startAgent({ home, sets, env })
          if (kind === "space") await refuses(agent, load)
          else await ends(agent, load, kind)
          const { accepted } = load.ledger
          assert.ok(accepted > 0, "nothing was accepted before the error: the test met nothing")
          agent = await startAgent({ home, sets })
          assert.deepEqual(await finishAndAudit(load, agent, END_MS, kind === "space"), [])
        } finally {
          await agent.kill()
          await load.stop()
        }
      })
    }
  }
})

async function ends(agent: TestAgent, load: Load, kind: "sync" | "write"): Promise<void> {
  const exited = once(agent.process, "exit", { signal: AbortSignal.timeout(END_MS) })
  load.start(agent)
  const [code, signal] = (await exited) as [number | null, string | null]
  // LMDB 3.5.6 overruns the buffer of its own message about a failed write: then libc ends the process first.
  const ended = code === 1 || (kind === "write" && (signal === "SIGABRT" || signal === "SIGSEGV"))
  assert.ok(ended, `ended with ${code ?? signal}: ${agent.output()}`)
  if (code === 1) assert.match(agent.output(), /WRITE_FAILED/)
}

/** The file can never become longer. */
async function refuses(agent: TestAgent, load: Load): Promise<void> {
  load.start(agent)
  await until(() => load.ledger.refusals > 0 || agent.process.exitCode !== null, FULL_MS, "a refusal")
  assert.equal(await agent.stop(), 0, agent.output())
}
