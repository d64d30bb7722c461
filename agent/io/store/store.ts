import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { open, type RootDatabase } from "lmdb"
import { STORE_RESERVE_SHARE } from "../../base/limits.ts"
import type { Log } from "../../ports/log.ts"
import type { Change, Entry, Key, Range, Store, StoreUsage, WriteOptions } from "../../ports/store.ts"
import { type EncodedChange, GroupCommit } from "./commit.ts"
import { StoreError } from "./error.ts"
import { decodeKey, encodeKey } from "./key.ts"
import { decodeRecord, encodeRecord } from "./record.ts"

const PAGE_BYTES = 4096

export interface StoreOptions {
  /** `<home>/data`: made if it is not there. */
  readonly dir: string
  readonly quotaBytes: number
  /** Verified copies to keep. */
  readonly copies: number
  readonly log: Log
}

/** The Store on LMDB. docs/spec/store.md tells layout, format and recovery. */
export class LmdbStore implements Store {
  readonly failed: Promise<Error>
  readonly #options: StoreOptions
  readonly #fail: (error: Error) => void
  #db: RootDatabase<Buffer, Buffer> | null = null
  #commit: GroupCommit | null = null
  #usedBytes = 0
  #bytesSinceLook = 0
  #closed = new StoreError({ code: "STORE_CLOSED" }, "the store is not open")

  constructor(options: StoreOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#fail = resolve
  }

  async start(): Promise<void> {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 })
    this.#db = openEnv(join(this.#options.dir, "store.mdb"), this.#options.quotaBytes)
    this.#commit = new GroupCommit(this.#db, (error) => this.#die(error))
    this.#look()
  }

  async stop(): Promise<void> {
    const db = this.#db
    if (!db) return
    await this.#commit?.idle()
    this.#commit?.close(this.#closed)
    this.#db = null
    // After a failed commit LMDB's thread may hold its lock for ever: then the process ends without closing.
    if (this.#closed.code === "STORE_CLOSED") await db.close()
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
    const keys = this.#open().getKeysCount(bounds(table, { ...range, limit: Number.MAX_SAFE_INTEGER }))
    return Math.min(keys, range.limit ?? keys)
  }

  write(changes: readonly Change[], options: WriteOptions = {}): Promise<void> {
    if (!this.#commit) return Promise.reject(this.#closed)
    if (changes.length === 0) return Promise.resolve()
    let encoded: EncodedChange[]
    try {
      encoded = changes.map(encodeChange)
    } catch (error) {
      return Promise.reject(error)
    }
    let bytes = 0
    let pageBytes = 0
    let puts = 0
    for (const { key, record } of encoded) {
      bytes += key.length + (record ? record.length : 0)
      if (!record) continue
      puts++
      pageBytes += bytesInPages(key.length + record.length)
    }
    const refusal = puts > 0 ? this.#overQuota(pageBytes, options.reserve === true || puts < encoded.length) : null
    if (refusal) return Promise.reject(refusal)
    return this.#commit.add(encoded, bytes)
  }

  usage(): StoreUsage {
    this.#look()
    return { bytes: this.#usedBytes, quotaBytes: this.#options.quotaBytes }
  }

  async backup(file: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#open().backup(file, true)
  }

  #overQuota(bytes: number, mayUseReserve: boolean): StoreError | null {
    const { quotaBytes } = this.#options
    const limit = mayUseReserve ? quotaBytes : quotaBytes * (1 - STORE_RESERVE_SHARE)
    if (this.#usedBytes + this.#bytesSinceLook + bytes > limit) this.#look()
    if (this.#usedBytes + bytes <= limit) {
      this.#bytesSinceLook += bytes
      return null
    }
    return new StoreError(
      { code: "QUOTA", bytes: this.#usedBytes, quotaBytes },
      `the store holds ${this.#usedBytes} of ${quotaBytes} bytes: nothing was written`,
      { remedy: "remove finished executions, shorten executions.keepDays or raise store.quotaMb" },
    )
  }

  /** Pages in use, from LMDB's own books: O(1). */
  #look(): void {
    if (!this.#db) return
    const stats = this.#db.getStats() as Record<string, number>
    const pages = stats.treeBranchPageCount! + stats.treeLeafPageCount! + stats.overflowPages!
    this.#usedBytes = pages * stats.pageSize!
    this.#bytesSinceLook = 0
  }

  #decode(key: Uint8Array, record: Uint8Array): unknown {
    const decoded = decodeRecord(key, record)
    if (decoded.ok) return decoded.value
    const error = new StoreError({ code: "STORE_DAMAGED", file: this.#options.dir }, "a record of the store is damaged")
    this.#commit?.close(error)
    this.#die(error)
    throw error
  }

  #die(error: StoreError): void {
    this.#closed = error
    this.#options.log.error("the store has failed", { code: error.code, cause: error.cause })
    this.#fail(error)
  }

  #open(): RootDatabase<Buffer, Buffer> {
    if (!this.#db) throw this.#closed
    return this.#db
  }
}

function openEnv(path: string, quotaBytes: number): RootDatabase<Buffer, Buffer> {
  const options = {
    path,
    encoding: "binary",
    keyEncoding: "binary",
    // The map is address space, not a bound: the quota is ours. Twice it leaves room for pages that readers hold.
    mapSize: Math.ceil((quotaBytes * 2) / 2 ** 20) * 2 ** 20 + 2 ** 26,
    // With LMDB's default an awaited put is visible, not durable.
    overlappingSync: false,
    eventTurnBatching: false,
    txnStartThreshold: 2 ** 30,
    safeRestore: true,
    noMemInit: false,
  } as const
  return open(options)
}

/** What a record takes at most: large ones have pages of their own, small ones share pages that are half full at worst. */
function bytesInPages(recordBytes: number): number {
  return recordBytes > PAGE_BYTES / 4 ? Math.ceil((recordBytes + 32) / PAGE_BYTES) * PAGE_BYTES : recordBytes * 2 + 32
}

function encodeChange(change: Change): EncodedChange {
  if (!("put" in change)) return { key: encodeKey(change.remove, change.key), record: null }
  const key = encodeKey(change.put, change.key)
  return { key, record: encodeRecord(key, change.value) }
}

interface Bounds {
  readonly start: Buffer
  readonly end: Buffer
  readonly reverse: boolean
  readonly inclusiveEnd: boolean
  readonly limit?: number
}

/** Key bytes between which the range lies, in the direction of the walk. */
function bounds(table: string, range: Range): Bounds {
  const prefix = range.prefix ?? []
  const low = encodeKey(table, prefix)
  const high = encodeKey(table, prefix, true)
  const start = range.start && encodeKey(table, range.start)
  const end = range.end && encodeKey(table, range.end)
  const reverse = range.reverse === true
  const limit = range.limit === undefined ? {} : { limit: range.limit }
  if (!reverse) return { start: most(low, start), end: least(high, end), reverse, inclusiveEnd: false, ...limit }
  // Downwards the least key of the prefix itself is within, unless an `end` at or above it was asked for.
  const inclusiveEnd = end === undefined || Buffer.compare(end, low) < 0
  return { start: least(high, start), end: inclusiveEnd ? low : end, reverse, inclusiveEnd, ...limit }
}

function least(a: Buffer, b: Buffer | undefined): Buffer {
  return b && Buffer.compare(b, a) < 0 ? b : a
}

function most(a: Buffer, b: Buffer | undefined): Buffer {
  return b && Buffer.compare(b, a) > 0 ? b : a
}
