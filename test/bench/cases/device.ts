import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { getuid } from "node:process"
import { scaled } from "../../support/scale.ts"
import type { Bench } from "../bench.ts"
import type { Bound } from "../figure.ts"
import { Subject } from "../program.ts"

const SECTOR_BYTES = 512
const DISK_BYTES = 2 ** 30
/** Until pages that were given back come round: from then on the file grows by what is kept alone. */
const WARM_UP = 4000
const KB = 1000

const upTo = (kb: number): Bound => ({ of: "value", atMost: kb })

/**
 * One at a time a workflow costs its commits. Effects have one each, which nothing makes cheaper than bare puts; below
 * half of that comes who needs fewer.
 */
const CASES = [
  { work: "send 3", name: "3 effects", concurrency: 64, gate: upTo(6), aim: upTo(2.5) },
  { work: "send 3", name: "3 effects", concurrency: 1, gate: { of: "ratio", atMost: 1.1 }, aim: upTo(20) },
  { work: "count 3", name: "3 pure tasks", concurrency: 64, gate: upTo(6), aim: upTo(2.5) },
  { work: "count 3", name: "3 pure tasks", concurrency: 1, gate: upTo(40), aim: upTo(20) },
] as const

/**
 * What a workflow costs the card: sectors that reach the device of a file system of its own, its journal among them.
 * What the kernel says of a process (`write_bytes`) leaves out too much.
 */
export async function benchDevice(bench: Bench): Promise<void> {
  if (getuid?.() !== 0) return bench.note("only root may mount a disk of its own: its figures are left out")
  const disk = mountedDisk(bench)
  if (disk === null) return
  const engine = await Subject.start("engine", join(disk.folder, "home"))
  const lmdb = await Subject.start("lmdb", join(disk.folder, "lmdb"))
  bench.after(() => Promise.all([engine.stop(), lmdb.stop()]))
  for (const { work, name, concurrency, gate, aim } of CASES) {
    const count = concurrency === 1 ? scaled(50, 2000) : scaled(3000, 20_000)
    const cost = async (subject: Subject) => {
      await subject.run({ work, concurrency: 64, count: WARM_UP })
      const before = disk.written()
      await subject.run({ work, concurrency, count })
      return (disk.written() - before) / count / KB
    }
    const value = await cost(engine)
    const limit = await cost(lmdb)
    bench.report({
      name: `device bytes of a workflow of ${name}, ${concurrency === 1 ? "one" : concurrency} at a time`,
      value,
      unit: "kB",
      against: { kind: "limit", name: "4 puts on bare LMDB", value: limit },
      ratio: value / limit,
      gate: [gate],
      aim: [aim],
    })
  }
}

/** An ext4 of its own in a file. @returns where it is, and how many bytes its device was given so far */
function mountedDisk(bench: Bench): { folder: string; written(): number } | null {
  const image = join(bench.folder, "disk.img")
  const folder = join(bench.folder, "disk")
  try {
    writeFileSync(image, "")
    truncateSync(image, DISK_BYTES)
    mkdirSync(folder)
    // All of it now: what the kernel would prepare later, by itself, is nobody's workflow.
    execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
    const device = execFileSync("losetup", ["-f", "--show", image], { encoding: "utf8" }).trim()
    bench.after(() => execFileSync("losetup", ["-d", device]))
    execFileSync("mount", [device, folder])
    bench.after(() => execFileSync("umount", [folder]))
    const stat = `/sys/block/${basename(device)}/stat`
    const written = () => {
      execFileSync("sync", ["-f", folder])
      return Number(readFileSync(stat, "utf8").trim().split(/\s+/)[6]) * SECTOR_BYTES
    }
    return { folder, written }
  } catch (error) {
    bench.note(`no disk can be mounted here, its figures are left out: ${String(error)}`)
    return null
  }
}
