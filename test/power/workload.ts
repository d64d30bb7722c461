import { openSync, writeSync } from "node:fs"
import { LmdbStore } from "../../agent/io/store/store.ts"
import { SystemClock } from "../../agent/io/clock/clock.ts"
import { KeptLog } from "../support/kept-log.ts"
import { changesOf, planWrites } from "./plan.ts"

/**
 * Writes the plan into a store, `lanes` at a time, and marks each write whose promise has resolved: runs under the
 * recorder. Prints one line of JSON: how it ended.
 * @see recorder.c
 */
const [dir, seed, count, lanes] = process.argv.slice(2)
const mark = openSync(process.env["POWER_MARK"]!, "w")
const unhandled: unknown[] = []
process.on("unhandledRejection", (error) => unhandled.push(error))

const ended = { promised: 0, refused: 0, code: "", failed: false, unhandled: 0, startError: "" }
const store = new LmdbStore({ dir: dir!, quotaBytes: 2 ** 26, copies: 0, log: new KeptLog() })
void store.failed.then(() => {
  ended.failed = true
})
try {
  await store.start()
  store.keepTime(new SystemClock({ notBeforeMs: store.lastTimeMs() }))
  writeSync(mark, "started\n")
  const plan = planWrites(Number(seed), Number(count))
  let next = 0
  const lane = async () => {
    for (let write = plan[next++]; write !== undefined && !ended.failed; write = plan[next++]) {
      try {
        await store.write(changesOf(write))
        writeSync(mark, `${write.index}\n`)
        ended.promised++
      } catch (error) {
        ended.code = (error as { code: string }).code
        ended.refused++
      }
    }
  }
  await Promise.all(Array.from({ length: Number(lanes) }, lane))
} catch (error) {
  ended.startError = (error as { code?: string }).code ?? String(error)
}
if (process.env["POWER_STOP"]) await store.stop()
await new Promise(setImmediate)
ended.unhandled = unhandled.length
process.stdout.write(`${JSON.stringify(ended)}\n`)
