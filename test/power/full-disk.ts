import { rmSync, statfsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LmdbStore } from "../../agent/io/store/store.ts"
import { KeptLog } from "../support/kept-log.ts"

/**
 * On a small file system of its own: fills the store to the disk's end, empties it, then lets another program fill the
 * disk under it. Prints what happened; full-disk.test.ts judges.
 */
const disk = process.argv[2]!
const open = () => new LmdbStore({ dir: join(disk, "data"), quotaBytes: 2 ** 30, copies: 0, log: new KeptLog() })
const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error)
const unhandled: unknown[] = []
process.on("unhandledRejection", (error) => unhandled.push(error))

const store = open()
await store.start()
let failed = false
void store.failed.then(() => {
  failed = true
})
const block = (i: number) => [{ put: "tab", key: [i], value: { text: "x".repeat(5000) } }] as const

let filled = 0
let refusal = ""
while (refusal === "")
  await store.write(block(filled)).then(
    () => filled++,
    (error: unknown) => {
      refusal = codeOf(error)
    },
  )
const failedWhenFull = failed
await store.write([{ put: "tab", key: ["finished"], value: 1 }], { reserve: true })
for (let i = 0; i < filled; i += 2) await store.write([{ remove: "tab", key: [i] }])
await store.write(block(filled))

const { bavail, bsize } = statfsSync(disk)
writeFileSync(join(disk, "log-of-another"), Buffer.alloc(bavail * bsize))
let kept = 0
let ending = ""
const before = performance.now()
while (ending === "" && kept < 10_000)
  await store.write(block(10_000 + kept)).then(
    () => kept++,
    (error: unknown) => {
      ending = codeOf(error)
    },
  )
const endedMs = performance.now() - before
await store.stop()

rmSync(join(disk, "log-of-another"))
const next = open()
const { recovered } = await next.start()
let found = 0
for (let i = 0; i < kept; i++) if (next.get("tab", [10_000 + i]) !== undefined) found++
await next.write([{ put: "tab", key: ["after"], value: 1 }])
const rest = next.count("tab")
await next.stop()
process.stdout.write(
  `${JSON.stringify({ filled, refusal, failedWhenFull, kept, found, ending, endedMs, recovered, rest, unhandled: unhandled.length })}\n`,
)
