import { existsSync, renameSync, statfsSync } from "node:fs"
import {
  CLOCK_MARK_AHEAD_MS,
  STORE_COPY_AFTER_START_MS,
  STORE_COPY_INTERVAL_MS,
  STORE_FIRST_COPY_MS,
  STORE_PAGE_CHECK_BYTES_MAX,
  STORE_RESERVE_SHARE,
} from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Log } from "../../ports/log.ts"
import type { Change, Entry, Key, Range, Store, StoreUsage, WriteOptions } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { writeBackup } from "./backup.ts"
import { type EncodedChange, GroupCommit } from "./commit.ts"
import { addCopy, copyTime, copyTxn, listCopies, whileGrowing } from "./copies.ts"
import { costOf, growthOf } from "./cost.ts"
import { bounds, createFile, type Env, openEnv } from "./env.ts"
import { notWritable, StoreError } from "./error.ts"
import { FileRoom, type Fit } from "./file-room.ts"
import { storeFiles, type StoreFiles, syncFolderOf } from "./files.ts"
import { FORMAT, formatChange, formatOf, migrate, MIGRATIONS, type Migration } from "./format.ts"
import { decodeKey, encodeKey } from "./key.ts"
import { takeLock } from "./lock.ts"
import { Quota } from "./quota.ts"
import { decodeRecord, encodeRecord } from "./record.ts"
import type { Tell } from "./page-walk.ts"
import { leaveCleanMark, prepareData, prepareFolder, type StartReport } from "./recover.ts"

export interface StoreOptions {
  /** `<home>/data`: made if it is not there. */
  readonly dir: string
  readonly quotaBytes: number
  /** Verified copies to keep, 0..STORE_COPIES_MAX. */
  readonly copies: number
  readonly log: Log
  /** Hears what a start is at that takes long. */
  readonly progress?: (doing: string) => void
  /** Up to which size pages are read at a start after a stop in order; STORE_PAGE_CHECK_BYTES_MAX if not given. */
  readonly pageCheckBytes?: number
  /** Another chain of formats, for tests of the chain. */
  readonly format?: { readonly current: number; readonly migrations: readonly Migration[] }
}

const CLOCK_KEY = ["clock"]

/** The Store on LMDB. docs/spec/store.md tells layout, format and recovery. */
export class LmdbStore implements Store {
  readonly failed: Promise<Error>
  readonly #options: StoreOptions
  readonly #files: StoreFiles
  readonly #fail: (error: Error) => void
  #release: (() => void) | null = null
  #db: Env | null = null
  #commit: GroupCommit | null = null
  #quota: Quota | null = null
  #room: FileRoom | null = null
  #clock: Clock | null = null
  #clockMarkMs = 0
  #cancelCopy: (() => void) | null = null
  #copying: Promise<unknown> = Promise.resolve()
  #recovered = false
  #starving = Promise.withResolvers<void>()
  /** Why it is not open. */
  #closed = new StoreError({ code: "STORE_CLOSED" }, "the store is not open")

  constructor(options: StoreOptions) {
    this.#options = options
    this.#files = storeFiles(options.dir)
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#fail = resolve
  }

  /**
   * @returns what was found; `recovered` is to be shown to the owner
   * @throws StoreError STORE_NOT_WRITABLE, STORE_IN_USE, STORE_NEWER, STORE_UNUSABLE
   */
  async start(): Promise<StartReport> {
    prepareFolder(this.#files)
    this.#release = takeLock(this.#files.lock)
    try {
      const { log, pageCheckBytes = STORE_PAGE_CHECK_BYTES_MAX } = this.#options
      const how = { wallMs: Date.now(), log, pageCheckBytes, tell: this.#tell("checks the store") }
      const report = await prepareData(this.#files, how)
      await this.#openData()
      this.#recovered = report.recovered !== null
      return report
    } catch (error) {
      await this.#close()
      throw error
    }
  }

  /** Waits for what is pending, then closes in order. Works after a half start and after a failure. */
  async stop(): Promise<void> {
    this.#cancelCopy?.()
    await this.#copying
    this.endWaiting()
    if (this.#db && this.#clock) await this.write([clockChange(this.#clock.now())], { reserve: true }).catch(() => null)
    await this.#commit?.idle()
    const orderly = this.#db !== null && this.#closed.code === "STORE_CLOSED"
    await this.#close()
    if (orderly) leaveCleanMark(this.#files)
  }

  endWaiting(): void {
    this.#commit?.waitNoMore()
  }

  get(table: string, key: Key): unknown {
    const bytes = encodeKey(table, key)
    const record = this.#open().getBinaryFast(bytes)
    return record === undefined ? undefined : this.#decode(bytes, record)
  }

  *range(table: string, range: Range = {}): Iterable<Entry> {
    for (const { key, value } of this.#open().getRange(bounds(table, range)))
      yield { key: decodeKey(key).key, value: this.#decode(key, value) }
  }

  count(table: string, range: Range = {}): number {
    const { limit, ...whole } = range
    const keys = this.#open().getKeysCount(bounds(table, whole))
    return Math.min(keys, limit ?? keys)
  }

  write(changes: readonly Change[], options: WriteOptions = {}): Promise<void> {
    if (!this.#commit || !this.#quota) return Promise.reject(this.#closed)
    if (changes.length === 0) return Promise.resolve()
    try {
      const encoded = changes.map(encodeChange)
      const cost = costOf(encoded)
      const bytes = growthOf(cost)
      const isNew = cost.puts > 0 && options.reserve !== true
      const refusal = isNew ? this.#quota.refuse(bytes, cost.removals > 0) : null
      if (refusal) return Promise.reject(refusal)
      this.#quota.add(bytes)
      return this.#commit.add(encoded, cost, options.reserve)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  usage(): StoreUsage {
    const used = this.#quota?.usedBytes() ?? 0
    const quotaBytes = this.#quota?.limitBytes ?? this.#options.quotaBytes
    // What does not fit any more makes the store full, whatever the sum says: then what may go has to go.
    return { bytes: this.#commit?.starved === "disk" ? Math.max(used, quotaBytes) : used, quotaBytes }
  }

  /** Resolves when what was accepted waits for room; at once where it does. */
  whenFull(): Promise<void> {
    return this.#starving.promise
  }

  isFull(): boolean {
    return (this.#commit?.starved ?? null) !== null
  }

  /** @throws StoreError BACKUP_FAILED; the signal's reason where it was aborted: then no file is left */
  backup(file: string, signal: AbortSignal): Promise<void> {
    return writeBackup(this.#open(), file, signal)
  }

  /** @returns ms that workflow time had come to in this home, 0 in a new one: the clock starts there or later */
  lastTimeMs(): number {
    const mark = this.get(TABLE.meta, CLOCK_KEY) as { ms: number } | undefined
    return mark?.ms ?? 0
  }

  /** From now on commits carry the time along, and copies are made when they are due. */
  keepTime(clock: Clock): void {
    this.#clock = clock
    this.#clockMarkMs = this.lastTimeMs()
    if (this.#options.copies > 0) this.#copyLater(this.#firstCopyMs(clock))
  }

  /**
   * Makes a verified copy, unless nothing changed since the last or the disk has no room for it.
   * @returns its path or null. A copy that does not pass means that the store itself is damaged: the store fails.
   */
  async copy(tell: Tell = () => {}): Promise<string | null> {
    const db = this.#open()
    const { lastTxnId } = db.getStats() as { lastTxnId: number }
    const { bavail, bsize } = statfsSync(this.#files.dir)
    const [newest] = listCopies(this.#files)
    const isCopied = newest !== undefined && copyTxn(newest) === lastTxnId
    if (isCopied || bavail * bsize < this.usage().bytes * 2) return null
    const write = (path: string) =>
      whileGrowing(path, this.usage().bytes, tell, db.backup(path, true)).finally(() => this.#commit?.tryAgain())
    const how = { keep: this.#options.copies, wallMs: Date.now(), txn: lastTxnId, write, tell }
    const made = await addCopy(this.#files, how)
    if (made === null) this.#damaged("a copy of the store did not pass its check")
    return made
  }

  async #openData(): Promise<void> {
    const { current, migrations } = this.#options.format ?? { current: FORMAT, migrations: MIGRATIONS }
    if (!existsSync(this.#files.data)) await this.#create(current)
    this.#use(this.#files.data)
    const format = formatOf(this, current)
    if (format === null || format === current) return
    // Before anything is changed: what an older agent can go back to.
    if (this.#options.copies > 0) await this.copy(this.#tell("copies the store"))
    await migrate(this, format, migrations, this.#options.progress)
    this.#options.log.info("the store was brought to a newer format", { from: format, to: current })
  }

  #tell(doing: string): Tell {
    return (share) => this.#options.progress?.(`${doing}: ${Math.round(share * 100)} %`)
  }

  /** A store file is there whole, with its format, or not at all. */
  async #create(format: number): Promise<void> {
    const draft = `${this.#files.data}.new`
    try {
      createFile(draft)
    } catch (cause) {
      throw notWritable(draft, cause)
    }
    this.#use(draft)
    await this.write([formatChange(format)])
    await this.#closeEnv()
    renameSync(draft, this.#files.data)
    syncFolderOf(this.#files.data)
  }

  #use(path: string): void {
    const db = openEnv(path, this.#options.quotaBytes)
    // The last part of the file, too, is for finishing what was accepted.
    const room = new FileRoom(db, path, this.#options.quotaBytes * (1 - STORE_RESERVE_SHARE))
    const commit = new GroupCommit(db, {
      failed: (error) => this.#die(error),
      along: () => this.#timeAlong(),
      fit: (cost, accepted, patient) => room.fit(cost, accepted, patient),
      refusal: () => quota.refusal(),
      turn: () => encodeChange(clockChange(this.#clockMarkMs || this.lastTimeMs())),
      waits: (fit) => this.#waits(fit),
    })
    const quota = new Quota(room, this.#options.quotaBytes, commit)
    this.#db = db
    this.#room = room
    this.#commit = commit
    this.#quota = quota
  }

  #waits(fit: Fit | null): void {
    const { log } = this.#options
    if (fit === null) this.#starving = Promise.withResolvers()
    else this.#starving.resolve()
    if (fit === null) log.info("what waited for room in the store is being written again")
    else if (fit === "disk")
      log.warn("the disk is full: what was accepted waits to be written, nothing new is taken", {
        remedy: "free space on the disk; the agent goes on by itself",
      })
    else log.debug("what was accepted waits for room in the store", { fit })
  }

  /** The clock's mark, ahead of the time, when this commit is past the last one. */
  #timeAlong(): EncodedChange | null {
    const now = this.#clock?.now() ?? 0
    if (now <= this.#clockMarkMs) return null
    this.#clockMarkMs = now + CLOCK_MARK_AHEAD_MS
    return encodeChange(clockChange(this.#clockMarkMs))
  }

  /** Soon after a start, for it may follow a crash; but a row of crashes is no reason to wear the card out. */
  #firstCopyMs(clock: Clock): number {
    const [newest] = listCopies(this.#files)
    if (newest === undefined || this.#recovered) return STORE_FIRST_COPY_MS
    const dueMs = copyTime(newest) + STORE_COPY_AFTER_START_MS - clock.wall()
    // A clock that was ahead when that copy was made puts nothing off.
    return Math.min(Math.max(STORE_FIRST_COPY_MS, dueMs), STORE_COPY_AFTER_START_MS)
  }

  #copyLater(delayMs: number): void {
    const clock = this.#clock!
    this.#cancelCopy = clock.schedule(clock.now() + delayMs, () => {
      this.#copying = this.copy()
        .catch((error: unknown) => this.#options.log.warn("no copy of the store was made", { cause: messageOf(error) }))
        .finally(() => {
          if (this.#db) this.#copyLater(STORE_COPY_INTERVAL_MS)
        })
    })
  }

  #decode(key: Uint8Array, record: Uint8Array): unknown {
    const decoded = decodeRecord(key, record)
    if (decoded.ok) return decoded.value
    throw this.#damaged("a record of the store does not match its checksum")
  }

  /** Nothing more is written into a damaged file; the next start checks it. */
  #damaged(what: string): StoreError {
    const error = new StoreError({ code: "STORE_DAMAGED", file: this.#files.data }, what, {
      remedy: "start the agent again: it checks the store and goes back to the last good copy if it must",
    })
    this.#commit?.close(error)
    this.#die(error)
    return error
  }

  #die(error: StoreError): void {
    if (this.#closed.code !== "STORE_CLOSED") return
    this.#closed = error
    this.#options.log.error("the store has failed", { code: error.code, cause: messageOf(error.cause ?? error) })
    this.#fail(error)
  }

  #open(): Env {
    if (!this.#db || this.#closed.code !== "STORE_CLOSED") throw this.#closed
    return this.#db
  }

  async #close(): Promise<void> {
    await this.#closeEnv()
    this.#release?.()
    this.#release = null
  }

  async #closeEnv(): Promise<void> {
    const db = this.#db
    this.#commit?.close(this.#closed)
    this.#room?.close()
    this.#db = this.#commit = this.#quota = this.#room = null
    // After a failed commit LMDB's thread may hold its lock for ever: then the process ends without closing.
    if (this.#closed.code === "STORE_CLOSED") await db?.close()
  }
}

function encodeChange(change: Change): EncodedChange {
  if (!("put" in change)) return { key: encodeKey(change.remove, change.key), record: null }
  const key = encodeKey(change.put, change.key)
  return { key, record: encodeRecord(key, change.value) }
}

function clockChange(ms: number): Change {
  return { put: TABLE.meta, key: CLOCK_KEY, value: { v: 1, ms } }
}
