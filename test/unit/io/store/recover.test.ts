import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { CLOCK_MARK_AHEAD_MS } from "../../../../agent/base/limits.ts"
import { restoreBackup } from "../../../../agent/io/store/backup.ts"
import { copyTime, listCopies, whileGrowing } from "../../../../agent/io/store/copies.ts"
import { createFile } from "../../../../agent/io/store/env.ts"
import { storeFiles } from "../../../../agent/io/store/files.ts"
import { FORMAT } from "../../../../agent/io/store/format.ts"
import { readNotice } from "../../../../agent/io/store/notice.ts"
import { walkPages } from "../../../../agent/io/store/page-walk.ts"
import type { LmdbStore } from "../../../../agent/io/store/store.ts"
import { FakeClock } from "../../../support/fake-clock.ts"
import { newHome, storeIn } from "../../../support/lmdb-store.ts"
import { tempDir } from "../../../support/temp-dir.ts"
import { until } from "../../../support/until.ts"

async function filled(dir: string, entries = 100): Promise<LmdbStore> {
  const store = storeIn(dir)
  await store.start()
  for (let i = 0; i < entries; i++) await store.write([{ put: "tab", key: [i], value: "x".repeat(i * 10) }])
  return store
}

describe("starting and stopping the store", () => {
  for (const [check, pageCheckBytes] of [
    ["pages", 2 ** 20],
    ["none", 0],
  ] as const)
    it(`finds after a stop in order what was written before it, with a check of size (${check})`, async () => {
      const dir = newHome()
      await (await filled(dir)).stop()
      const store = storeIn(dir, { pageCheckBytes })
      assert.deepEqual(await store.start(), { check, recovered: null, crashed: false })
      assert.equal(store.count("tab"), 100)
      await store.stop()
    })

  it("checks the whole file when it was not stopped in order", async () => {
    const dir = newHome()
    await (await filled(dir)).stop()
    rmSync(join(dir, "clean"))
    const store = storeIn(dir)
    assert.deepEqual(await store.start(), { check: "full", recovered: null, crashed: true })
    await store.stop()
  })

  it("takes no mark of another file for its own", async () => {
    const dir = newHome()
    await (await filled(dir)).stop()
    writeFileSync(join(dir, "clean"), "4096 1 1\n")
    const store = storeIn(dir)
    assert.equal((await store.start()).check, "full")
    await store.stop()
  })

  it("keeps everything to the owner", async () => {
    const dir = newHome()
    await (await filled(dir)).stop()
    assert.equal(statSync(dir).mode & 0o777, 0o700)
  })

  it("refuses a second one on the same home, in this process or another, with the pid of the first", async () => {
    const dir = newHome()
    const first = await filled(dir)
    await assert.rejects(storeIn(dir).start(), {
      code: "STORE_IN_USE",
      detail: { code: "STORE_IN_USE", pid: process.pid },
    })
    const program = fileURLToPath(new URL("../../../power/open-once.ts", import.meta.url))
    const other = spawn(process.execPath, [program, dir], { stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    other.stderr.on("data", (text) => (said += String(text)))
    const [code] = (await once(other, "close")) as [number]
    assert.equal(code, 1)
    assert.match(said, new RegExp(`pid ${process.pid}`))
    await first.stop()
    const next = storeIn(dir)
    await next.start()
    await next.stop()
  })

  it("says which folder it may not write", async () => {
    const base = tempDir("home")
    writeFileSync(join(base, "file"), "")
    await assert.rejects(storeIn(join(base, "file", "data")).start(), { code: "STORE_NOT_WRITABLE" })
    if (process.getuid?.() === 0) return
    mkdirSync(join(base, "data"))
    chmodSync(join(base, "data"), 0o500)
    await assert.rejects(storeIn(join(base, "data")).start(), { code: "STORE_NOT_WRITABLE" })
  })

  it("refuses every use before the start and after the stop", async () => {
    const store = storeIn(newHome())
    assert.throws(() => store.get("tab", [1]), { code: "STORE_CLOSED" })
    await assert.rejects(store.write([{ remove: "tab", key: [1] }]), { code: "STORE_CLOSED" })
    await store.stop()
    await store.start()
    await store.stop()
    assert.throws(() => [...store.range("tab")], { code: "STORE_CLOSED" })
    await assert.rejects(store.write([{ remove: "tab", key: [1] }]), { code: "STORE_CLOSED" })
  })

  it("waits at the stop for what is being written", async () => {
    const dir = newHome()
    const store = await filled(dir, 0)
    const writes = Array.from({ length: 50 }, (_, i) => store.write([{ put: "tab", key: [i], value: i }]))
    await store.stop()
    await Promise.all(writes)
    const next = storeIn(dir)
    await next.start()
    assert.equal(next.count("tab"), 50)
    await next.stop()
  })

  it("makes the same empty file as LMDB would", async () => {
    const dir = tempDir("empty")
    createFile(join(dir, "store.mdb"))
    assert.deepEqual(walkPages(join(dir, "store.mdb")), { ok: true, entries: 0, pages: 2, txn: 0 })
  })
})

describe("copies and backups", () => {
  it("tell how far they are, once for each time that they have grown", async () => {
    const file = join(tempDir("copy"), "draft")
    const { promise: written, resolve: end } = Promise.withResolvers<void>()
    const shares: number[] = []
    const whole = whileGrowing(file, 100, (share) => shares.push(share), written)
    for (const bytes of [50, 100, 150]) {
      writeFileSync(file, "x".repeat(bytes))
      const before = shares.length
      await until(() => shares.length > before, 20_000, "a word")
    }
    end()
    await whole
    assert.deepEqual(shares, [0.5, 1, 1])
  }).timeout(60_000)

  it("keeps the newest verified copies, and makes none when nothing changed", async () => {
    const dir = newHome()
    const store = await filled(dir, 10)
    const made: (string | null)[] = []
    for (let i = 0; i < 4; i++) {
      await store.write([{ put: "tab", key: ["n"], value: i }])
      made.push(await store.copy(), await store.copy())
    }
    const paths = made.filter((path) => path !== null)
    assert.equal(paths.length, 4)
    assert.deepEqual(
      readdirSync(join(dir, "copies")).sort(),
      paths.slice(-2).map((path) => basename(path)),
    )
    await store.stop()
  })

  it("takes a copy's place when the data file is gone", async () => {
    const dir = newHome()
    const store = await filled(dir, 10)
    await store.copy()
    await store.stop()
    rmSync(join(dir, "store.mdb"))
    const next = storeIn(dir)
    const { recovered } = await next.start()
    assert.equal(recovered?.reason, "the data file is missing")
    assert.equal(next.count("tab"), 10)
    await next.stop()
    const later = storeIn(dir)
    assert.equal((await later.start()).recovered, null)
    await later.stop()
    assert.deepEqual(readNotice(storeFiles(dir)), recovered, "no restart makes it forgotten")
    rmSync(join(dir, "recovered.json"))
    assert.equal(readNotice(storeFiles(dir)), null, "acknowledged")
  })

  it("makes the first copy by itself, a minute after the start, and the next only after hours", async () => {
    const dir = newHome()
    const store = await filled(dir, 10)
    const clock = new FakeClock(Date.now())
    store.keepTime(clock)
    clock.advance(59_000)
    assert.equal(existsSync(join(dir, "copies")), false)
    clock.advance(1000)
    await store.stop()
    assert.equal(readdirSync(join(dir, "copies")).filter((name) => name.endsWith(".mdb")).length, 1)
  })

  const minutes = 60_000
  const restarts: { name: string; copiedBeforeMs: number; damaged?: true; atMs: number }[] = [
    { name: "a minute after the start where the newest copy is old", copiedBeforeMs: 61 * minutes, atMs: 1 * minutes },
    { name: "an hour after the newest copy where that is later", copiedBeforeMs: 20 * minutes, atMs: 40 * minutes },
    { name: "within an hour where the clock was ahead when it was made", copiedBeforeMs: -1e9, atMs: 60 * minutes },
    { name: "at once where the start found damage", copiedBeforeMs: 5 * minutes, damaged: true, atMs: 1 * minutes },
  ]
  for (const { name, copiedBeforeMs, damaged, atMs } of restarts)
    it(`makes the first copy after a restart ${name}`, async () => {
      const dir = newHome()
      const first = await filled(dir, 10)
      const copy = (await first.copy())!
      await first.write([{ put: "tab", key: ["later"], value: 1 }])
      await first.stop()
      if (damaged) rmSync(join(dir, "store.mdb"))
      const store = storeIn(dir)
      await store.start()
      await store.write([{ put: "tab", key: ["last"], value: 1 }])
      const clock = new FakeClock(copyTime(copy) + copiedBeforeMs)
      const startMs = clock.now()
      store.keepTime(clock)
      assert.equal(clock.next(), startMs + atMs)
      clock.advance(atMs)
      await store.stop()
      assert.equal(listCopies(storeFiles(dir)).length, 2)
    })

  it("makes no copy of what the newest one has, whichever run made that", async () => {
    const dir = newHome()
    await (await filled(dir, 10)).stop()
    const copier = storeIn(dir)
    await copier.start()
    assert.notEqual(await copier.copy(), null)
    await copier.stop()
    const store = storeIn(dir)
    await store.start()
    assert.equal(await store.copy(), null)
    await store.write([{ put: "tab", key: ["later"], value: 1 }])
    assert.notEqual(await store.copy(), null)
    await store.stop()
  })

  it("writes a backup while in use, that restores to the same content", async () => {
    const dir = newHome()
    const store = await filled(dir)
    const file = join(tempDir("backup"), "home.mesg")
    const writing = Array.from({ length: 50 }, (_, i) => store.write([{ put: "other", key: [i], value: i }]))
    await store.backup(file, AbortSignal.timeout(10_000))
    await Promise.all(writing)
    const target = newHome()
    const content = await restoreBackup(target, file, { dryRun: true, wallMs: 1 })
    assert.equal(content.format, FORMAT)
    assert.equal(existsSync(target), false)
    await restoreBackup(target, file, { dryRun: false, wallMs: 1 })
    const restored = storeIn(target)
    await restored.start()
    assert.deepEqual([...restored.range("tab")], [...store.range("tab")])
    await Promise.all([restored.stop(), store.stop()])
  })

  it("keeps what a restore replaces, and refuses while an agent runs", async () => {
    const dir = newHome()
    const store = await filled(dir, 5)
    const file = join(tempDir("backup"), "home.mesg")
    await store.backup(file, AbortSignal.timeout(10_000))
    await assert.rejects(restoreBackup(dir, file, { dryRun: false, wallMs: 7 }), { code: "STORE_IN_USE" })
    await store.write([{ put: "tab", key: ["later"], value: 1 }])
    await store.stop()
    await restoreBackup(dir, file, { dryRun: false, wallMs: 7 })
    assert.deepEqual(readdirSync(join(dir, "quarantine")), ["000000000000007.mdb"])
    const next = storeIn(dir)
    await next.start()
    assert.equal(next.get("tab", ["later"]), undefined)
    assert.equal(next.count("tab"), 5)
    await next.stop()
  })

  it("refuses a backup that is missing, damaged or of something else, and changes nothing", async () => {
    const dir = newHome()
    const store = await filled(dir, 50)
    const file = join(tempDir("backup"), "home.mesg")
    await store.backup(file, AbortSignal.timeout(10_000))
    await store.stop()
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(1, bytes.length - 3000))
    const strange = join(tempDir("backup"), "strange")
    writeFileSync(strange, "PK")
    for (const bad of [file, strange, join(tempDir("backup"), "missing")])
      await assert.rejects(restoreBackup(dir, bad, { dryRun: false, wallMs: 7 }), { code: "BACKUP_INVALID" })
    assert.equal(existsSync(join(dir, "quarantine")), false)
  })

  it("says where it cannot write a backup", async () => {
    const store = await filled(newHome(), 5)
    const file = join(tempDir("backup"), "file")
    writeFileSync(file, "")
    await assert.rejects(store.backup(join(file, "b"), AbortSignal.timeout(10_000)), { code: "BACKUP_FAILED" })
    await store.stop()
  })
})

describe("time in the store", () => {
  it("comes back at or after every time that a durable write can have seen, and exactly after a stop", async () => {
    const dir = newHome()
    const store = await filled(dir, 0)
    assert.equal(store.lastTimeMs(), 0)
    const clock = new FakeClock(1_800_000_000_000)
    store.keepTime(clock)
    for (let i = 0; i < 10; i++) {
      await store.write([{ put: "tab", key: [i], value: clock.now() }])
      assert.ok(store.lastTimeMs() >= clock.now())
      assert.ok(store.lastTimeMs() <= clock.now() + CLOCK_MARK_AHEAD_MS)
      clock.advance(777)
    }
    const end = clock.now()
    await store.stop()
    const next = storeIn(dir)
    await next.start()
    assert.equal(next.lastTimeMs(), end)
    await next.stop()
  })

  it("is written only along with other writes", async () => {
    const dir = newHome()
    const store = await filled(dir, 1)
    const clock = new FakeClock(1_800_000_000_000)
    store.keepTime(clock)
    const before = statSync(join(dir, "store.mdb")).mtimeMs
    clock.advance(30_000)
    assert.equal(store.lastTimeMs(), 0)
    assert.equal(statSync(join(dir, "store.mdb")).mtimeMs, before)
    await store.stop()
  })
})
