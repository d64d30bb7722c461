import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type SeededRandom, seededRandom } from "../../agent/base/random.ts"
import { LmdbStore } from "../../agent/io/store/store.ts"
import { KeptLog } from "../support/kept-log.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"

const ENTRIES = 500
const RESTARTS_MAX = 2
const SEED = Number(process.env["DAMAGE_SEED"] ?? 1)

/** A home with one verified copy (table `kept`) and writes after it (table `later`). */
async function makeHome(): Promise<string> {
  const dir = join(tempDir("damage"), "data")
  const store = new LmdbStore({ dir, quotaBytes: 2 ** 26, copies: 2, log: new KeptLog() })
  await store.start()
  const random = seededRandom(7)
  const fill = async (table: string) => {
    for (let i = 0; i < ENTRIES; i++)
      await store.write([
        { put: table, key: [i], value: { text: "x".repeat(random.below(i % 50 === 0 ? 9000 : 300)) } },
      ])
  }
  await fill("kept")
  assert.notEqual(await store.copy(), null)
  await fill("later")
  await store.stop()
  return dir
}

function flip(bytes: Buffer, random: SeededRandom): Buffer {
  const at = random.below(bytes.length)
  bytes[at]! ^= 1 << random.below(8)
  return bytes
}

function zeroSector(bytes: Buffer, sector: number): Buffer {
  return bytes.fill(0, sector * 512, (sector + 1) * 512)
}

const damages: [string, (bytes: Buffer, random: SeededRandom) => Buffer][] = [
  ["one bit flipped", flip],
  [
    "one bit of a page header flipped",
    (bytes, random) => {
      const at = random.below(bytes.length / 4096) * 4096 + random.below(24)
      bytes[at]! ^= 1 << random.below(8)
      return bytes
    },
  ],
  [
    "one bit of LMDB's own header flipped",
    (bytes, random) => {
      const at = random.below(2) * 4096 + 24 + random.below(144)
      bytes[at]! ^= 1 << random.below(8)
      return bytes
    },
  ],
  ["a sector of zeros", (bytes, random) => zeroSector(bytes, random.below(bytes.length / 512))],
  [
    "a page of another place",
    (bytes, random) => {
      const pages = bytes.length / 4096
      bytes.copy(bytes, random.below(pages) * 4096, random.below(pages) * 4096, 4096)
      return bytes
    },
  ],
  ["the end cut off", (bytes, random) => bytes.subarray(0, random.below(bytes.length))],
]

interface Life {
  readonly status: number | null
  readonly recovered: boolean
  readonly found: { kept: number; later: number } | null
}

function live(dir: string, tooLarge: boolean): Life {
  const run = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("./open-once.ts", import.meta.url)), dir, ...(tooLarge ? ["0"] : [])],
    {
      encoding: "utf8",
      timeout: 20_000,
    },
  )
  const lines = run.stdout.split("\n").filter((line) => line.startsWith("{"))
  const start = lines[0] === undefined ? null : (JSON.parse(lines[0]) as { recovered: boolean })
  const found = lines[1] === undefined ? null : (JSON.parse(lines[1]) as { kept: number; later: number })
  return { status: run.status, recovered: start?.recovered ?? false, found }
}

describe("a damaged store", function () {
  this.timeout(120_000)
  let home: string

  before(async () => {
    home = await makeHome()
  })

  const each = Math.ceil(scaled(18, 210) / damages.length / 3)
  for (const [what, damage] of damages)
    for (const closed of ["in order", "in order, too large to check at start", "by a crash"])
      for (let i = 0; i < each; i++)
        it(`${what} (${i}), closed ${closed}: at most ${RESTARTS_MAX} restarts, then everything or the last good copy with an alarm`, () => {
          const dir = join(tempDir("damaged"), "data")
          cpSync(home, dir, { recursive: true })
          const data = join(dir, "store.mdb")
          const bytes = damage(readFileSync(data), seededRandom(SEED * 1000 + i))
          writeFileSync(data, bytes)
          if (closed !== "by a crash") markClean(dir)
          else rmSync(join(dir, "clean"))
          const lives: Life[] = []
          do lives.push(live(dir, closed.includes("too large")))
          while (lives.at(-1)!.status !== 0 && lives.length <= RESTARTS_MAX)
          const last = lives.at(-1)!
          assert.equal(last.status, 0, `still failing after ${lives.length - 1} restarts`)
          assert.equal(last.found!.kept, ENTRIES)
          const alarmed = lives.some(({ recovered }) => recovered)
          assert.equal(last.found!.later, alarmed ? 0 : ENTRIES)
          rmSync(dir, { recursive: true })
        })

  it("falls back to an older copy when the newest is damaged too", async () => {
    const dir = join(tempDir("damaged"), "data")
    cpSync(home, dir, { recursive: true })
    const copies = join(dir, "copies")
    const [good] = readdirSync(copies)
    copyFileSync(join(copies, good!), join(copies, "999999999999999.mdb"))
    writeFileSync(join(copies, "999999999999999.mdb"), readFileSync(join(copies, good!)).fill(7, 9000, 12_000))
    writeFileSync(join(dir, "store.mdb"), "no store at all")
    rmSync(join(dir, "clean"))
    const log = new KeptLog()
    const store = new LmdbStore({ dir, quotaBytes: 2 ** 26, copies: 2, log })
    const { recovered } = await store.start()
    assert.equal(recovered?.copy, join(copies, good!))
    assert.equal(store.count("kept"), ENTRIES)
    assert.deepEqual(
      log.lines.map(({ level, message }) => [level, message]),
      [
        ["error", "a copy of the store is damaged too"],
        ["error", "the store was damaged: the last good copy took its place"],
      ],
    )
    await store.stop()
  })

  it("starts empty, and says so, when no copy is good", async () => {
    const dir = join(tempDir("damaged"), "data")
    cpSync(home, dir, { recursive: true })
    rmSync(join(dir, "copies"), { recursive: true })
    writeFileSync(join(dir, "store.mdb"), Buffer.alloc(100_000, 1))
    rmSync(join(dir, "clean"))
    const store = new LmdbStore({ dir, quotaBytes: 2 ** 26, copies: 2, log: new KeptLog() })
    const { recovered } = await store.start()
    assert.equal(recovered?.copy, null)
    assert.equal(statSync(recovered!.quarantined!).size, 100_000)
    assert.equal(store.count("kept"), 0)
    await store.stop()
  })
})

/** As if the damage had come while the agent was off: the mark fits the damaged file. */
function markClean(dir: string): void {
  const data = join(dir, "store.mdb")
  const { atime, mtime } = statSync(data)
  utimesSync(data, atime, mtime)
  const { size, mtimeMs, ino } = statSync(data)
  writeFileSync(join(dir, "clean"), `${size} ${mtimeMs} ${ino}\n`)
}
