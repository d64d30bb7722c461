import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { STORE_WRITE_TIMEOUT_MS } from "../../agent/base/limits.ts"
import { LmdbStore } from "../../agent/io/store/store.ts"
import { KeptLog } from "../support/kept-log.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"
import { findLosses, planWrites } from "./plan.ts"
import { recorderLibrary } from "./recorder.ts"

const WRITES = 400
const SEED = 2
const plan = planWrites(SEED, WRITES)

/**
 * LMDB 3.5.6 overruns the buffer of its own message when a write into its file fails, and glibc may then end the process
 * by a signal. The store keeps LMDB from the one such error that is common, a full disk; of this one it promises what
 * holds for any death: nothing false was said, everything promised is found again.
 */
const SIGNALS_OF_OVERRUN: readonly (NodeJS.Signals | null)[] = ["SIGABRT", "SIGSEGV", "SIGBUS"]

interface Ending {
  readonly promised: number
  readonly refused: number
  readonly code: string
  readonly failed: boolean
  readonly unhandled: number
  readonly startError: string
}

/** Runs the workload on a device whose nth call fails, and each after it. */
async function runOn(
  kind: string,
  nth: number,
): Promise<{ ending: Ending | null; marks: string[]; data: string; ms: number }> {
  const dir = tempDir("errors")
  const data = join(dir, "data")
  const marks = join(dir, "marks")
  const before = performance.now()
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./workload.ts", import.meta.url)), data, String(SEED), String(WRITES), "8"],
    {
      env: {
        ...process.env,
        LD_PRELOAD: recorderLibrary(),
        POWER_WATCH: join(data, "store.mdb"),
        POWER_MARK: marks,
        POWER_FAIL: kind,
        POWER_FAIL_NTH: String(nth),
        POWER_STOP: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  )
  let out = ""
  let complaint = ""
  child.stdout.on("data", (text) => (out += String(text)))
  child.stderr.on("data", (text) => (complaint += String(text)))
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>()
  child.once("close", (code, signal) => resolve({ code, signal }))
  const { code, signal } = await promise
  const overrun = kind === "write" && SIGNALS_OF_OVERRUN.includes(signal)
  assert.ok(code === 0 || overrun, `${code ?? signal}: ${complaint}`)
  const lines = existsSync(marks) ? readFileSync(marks, "latin1").split("\n") : []
  // LMDB itself writes to stdout; our line is the last.
  const ending = overrun ? null : (JSON.parse(out.trim().split("\n").at(-1)!) as Ending)
  return { ending, marks: lines, data, ms: performance.now() - before }
}

async function recovers(data: string, marks: readonly string[]): Promise<void> {
  const promised = new Set(marks.filter((line) => line !== "").map(Number))
  const store = new LmdbStore({ dir: data, quotaBytes: 2 ** 26, copies: 0, log: new KeptLog() })
  try {
    assert.equal((await store.start()).recovered, null)
    assert.deepEqual(
      findLosses(store, plan, (index) => promised.has(index)),
      [],
    )
    await store.write([{ put: "power", key: ["after"], value: 1 }])
  } finally {
    await store.stop()
  }
}

const nths = scaled(1, 0) ? [1, 2, 3, 9, 40, 100] : Array.from({ length: 200 }, (_, i) => i + 1)

describe("a device that fails", function () {
  this.timeout(60_000)

  for (const kind of ["write", "sync", "space"])
    for (const nth of nths)
      it(`${kind} error at call ${nth}: nothing falsely promised, an end in time, all promised found again`, async () => {
        const { ending, marks, data, ms } = await runOn(kind, nth)
        assert.ok(ms < STORE_WRITE_TIMEOUT_MS + 10_000, `${ms} ms`)
        if (ending) {
          assert.equal(ending.unhandled, 0)
          if (ending.startError === "" && ending.promised < WRITES) {
            assert.equal(ending.code, kind === "space" ? "QUOTA" : "WRITE_FAILED")
            assert.equal(ending.failed, kind !== "space")
          }
        }
        await recovers(data, marks)
      })

  it("was really met: a run with the first sync failing promises nothing", async () => {
    const { ending } = await runOn("sync", 1)
    assert.equal(ending?.promised, 0)
    assert.equal(ending.startError, "STORE_NOT_WRITABLE")
  })

  it("was really met: a disk that fills up refuses from there on, and the store goes on", async () => {
    const { ending } = await runOn("space", 100)
    assert.equal(ending?.code, "QUOTA")
    assert.ok(ending.promised > 0 && ending.refused > 20)
    assert.equal(ending.failed, false)
  })
})
