import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { seededRandom } from "../../agent/base/random.ts"
import { LmdbStore } from "../../agent/io/store/store.ts"
import { KeptLog } from "../support/kept-log.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"
import { findLosses, planWrites } from "./plan.ts"
import { recorderLibrary } from "./recorder.ts"
import { PowerTrace } from "./replay.ts"

const WRITES = 400
const LANES = 8
const SEED = Number(process.env["POWER_SEED"] ?? 1)
const plan = planWrites(SEED, WRITES)

/** Runs the workload under the recorder. @returns its trace and the folder it wrote in */
function recordRun(env: Record<string, string> = {}): { trace: PowerTrace; data: string } {
  const dir = tempDir("power")
  const data = join(dir, "data")
  const run = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("./workload.ts", import.meta.url)), data, String(SEED), String(WRITES), String(LANES)],
    {
      env: {
        ...process.env,
        LD_PRELOAD: recorderLibrary(),
        POWER_TRACE: join(dir, "trace"),
        POWER_WATCH: data,
        POWER_MARK: join(dir, "marks"),
        ...env,
      },
      encoding: "utf8",
    },
  )
  assert.equal(run.status, 0, run.stderr)
  assert.equal((JSON.parse(run.stdout) as { promised: number }).promised, WRITES)
  return { trace: new PowerTrace(readFileSync(join(dir, "trace"))), data }
}

/** @returns what was lost in a cut at this step, in words */
async function lossesAfter(trace: PowerTrace, data: string, cut: number, seed: number): Promise<string[]> {
  const dir = tempDir("cut")
  const promised = new Set(trace.marksBefore(cut).map(Number))
  trace.restore(cut, seededRandom(seed), data, dir)
  const store = new LmdbStore({ dir, quotaBytes: 2 ** 26, copies: 0, log: new KeptLog() })
  try {
    const { recovered } = await store.start()
    const losses = recovered ? [`the store was found damaged: ${recovered.reason}`] : []
    losses.push(...findLosses(store, plan, (index) => promised.has(index)))
    await store.write([{ put: "power", key: ["after"], value: cut }])
    if (store.get("power", ["after"]) !== cut) losses.push("the store does not go on")
    return losses
  } finally {
    await store.stop()
    rmSync(dir, { recursive: true })
  }
}

async function lossesOfCuts(trace: PowerTrace, data: string, cuts: number): Promise<string[]> {
  const random = seededRandom(SEED)
  const losses: string[] = []
  for (let i = 0; i < cuts; i++) {
    const cut = trace.firstCut + random.below(trace.steps.length - trace.firstCut + 1)
    const seed = random.below(2 ** 31)
    for (const loss of await lossesAfter(trace, data, cut, seed))
      losses.push(`cut at step ${cut}, seed ${seed}: ${loss}`)
  }
  return losses
}

describe("power cut", function () {
  this.timeout(scaled(120_000, 900_000))

  it("loses no promised write and shows no half write, whatever the device had not yet written", async () => {
    const { trace, data } = recordRun()
    assert.ok(trace.steps.filter(({ kind }) => kind === "S").length > 20, "the recorder saw the store's syncs")
    assert.deepEqual(await lossesOfCuts(trace, data, scaled(20, 500)), [])
  })

  for (const [taken, found] of [
    ["all", "was promised and is lost"],
    ["data", "the store was found damaged"],
  ] as const)
    it(`is noticed when syncs (${taken}) are taken out: the same replay then finds losses`, async () => {
      const { trace, data } = recordRun({ POWER_NOSYNC: taken })
      const losses = await lossesOfCuts(trace, data, scaled(5, 20))
      assert.ok(
        losses.some((loss) => loss.includes(found)),
        losses.slice(0, 3).join("\n"),
      )
    })
})
