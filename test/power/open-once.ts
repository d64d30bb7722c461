import { LmdbStore } from "../../agent/io/store/store.ts"
import { KeptLog } from "../support/kept-log.ts"

/**
 * One life of an agent as far as its store sees it: start, read everything, write, copy, stop in order. Prints what it
 * found. What it finds damaged ends it with 1; what LMDB maps and cannot bear ends it by a signal.
 */
const [dir, pageCheckBytes] = process.argv.slice(2)
const size = pageCheckBytes === undefined ? {} : { pageCheckBytes: Number(pageCheckBytes) }
const store = new LmdbStore({ dir: dir!, quotaBytes: 2 ** 26, copies: 2, log: new KeptLog(), ...size })
void store.failed.then((error) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
try {
  const { check, recovered } = await store.start()
  // Said before anything can go wrong: the alarm of a life counts even if the life is short.
  process.stdout.write(`${JSON.stringify({ check, recovered: recovered !== null })}\n`)
  const first = [...store.range("kept")].length
  const second = [...store.range("later")].length
  await store.write([{ put: "life", key: [Date.now()], value: process.pid }])
  await store.copy()
  await store.stop()
  process.stdout.write(`${JSON.stringify({ kept: first, later: second })}\n`)
} catch (error) {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
}
