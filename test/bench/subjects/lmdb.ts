import { open } from "lmdb"
import { closedLoop, serveJobs } from "./closed-loop.ts"

/*
 * The limit of a durable engine: the four transitions of a workflow of three steps, each put alone into a bare LMDB
 * and awaited, group-committed over the workflows. No engine, no checks, no history to read again.
 */
const [folder] = process.argv.slice(2) as [string]
const TRANSITIONS = 4
const RECORD_BYTES = 300

const db = open({ path: folder, encoding: "binary", overlappingSync: false, mapSize: 2 ** 32 })
const record = Buffer.alloc(RECORD_BYTES, 65)
let next = 0

async function workflow(): Promise<void> {
  const key = `ex_${String(next++).padStart(12, "0")}`
  for (let step = 0; step < TRANSITIONS; step++) await db.put(key + step, record)
}

serveJobs(
  (job) => closedLoop(job, workflow),
  () => db.close(),
)
