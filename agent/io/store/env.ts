import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { open, type RootDatabase } from "lmdb"
import type { Range } from "../../ports/store.ts"
import { PAGE_BYTES } from "./cost.ts"
import { notWritable } from "./error.ts"
import { lmdbLock } from "./files.ts"
import { encodeKey } from "./key.ts"

export type Env = RootDatabase<Buffer, Buffer>

/**
 * Opens (or makes) an LMDB file the one way that this store relies on. One open per process and file.
 * @param quotaBytes the map is address space, not a bound: twice the quota leaves room for pages that readers hold
 */
export function openEnv(path: string, quotaBytes: number, readOnly = false): Env {
  const options = {
    path,
    encoding: "binary",
    keyEncoding: "binary",
    mapSize: Math.ceil(quotaBytes / 2 ** 20) * 2 ** 21 + 2 ** 26,
    // With LMDB's default an awaited put is visible, not durable, and one failed write hangs all that follow.
    overlappingSync: false,
    // Group commit is ours (commit.ts): LMDB starts its thread in the immediate after ours, never earlier.
    eventTurnBatching: false,
    txnStartThreshold: 2 ** 30,
    safeRestore: true,
    readOnly,
  } as const
  if (readOnly) return open(options)
  const forget = makeLockFile(path)
  try {
    return open(options)
  } finally {
    forget()
  }
}

/**
 * Makes an empty LMDB file: the two header pages as mdb_env_init_meta writes them. LMDB would make it itself, but is
 * ended by a signal where the device refuses; here that is an error like any other.
 */
export function createFile(path: string): void {
  const pages = Buffer.alloc(2 * PAGE_BYTES)
  for (const number of [0, 1]) {
    const page = pages.subarray(number * PAGE_BYTES)
    page.writeUInt32LE(number, 0)
    page.writeUInt16LE(0x08, 18) // P_META
    page.writeUInt32LE(0xbeefc0de, 24)
    page.writeUInt32LE(2, 28) // MDB_DATA_VERSION
    page.writeBigUInt64LE(2n ** 20n, 40) // the map at least, grown by whoever opens it
    page.writeUInt32LE(PAGE_BYTES, 48)
    page.writeUInt16LE(0x08, 52) // MDB_INTEGERKEY, of the free tree
    page.writeBigInt64LE(-1n, 88) // no root of the free tree
    page.writeBigInt64LE(-1n, 136) // no root of the main tree
    page.writeUInt32LE(1, 144) // last page
  }
  const file = openSync(path, "wx", 0o600)
  try {
    writeSync(file, pages)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** LMDB's lock file has this size at most. */
const LOCK_FILE_BYTES = 16_384
/** Files here are memory, on every Linux that has a C library of its own. */
const MEMORY = "/dev/shm"

/**
 * Makes LMDB's lock file, in memory: LMDB marks each reader in it, through a mapping, and of one on a card the kernel would
 * write a page whenever something was read. It has its blocks, for LMDB would map a hole, and the process would be ended by
 * a signal where there is no room for it.
 * @returns takes its name away, which nobody needs once LMDB has it open: the lock of the home keeps other processes out
 * @throws StoreError STORE_NOT_WRITABLE
 */
function makeLockFile(path: string): () => void {
  const lock = lmdbLock(path)
  try {
    // That of an agent which was killed just now, or of a version that kept it here.
    rmSync(lock, { force: true })
    const folder = folderInMemory()
    const file = folder === null ? lock : join(folder, "lock")
    writeFileSync(file, Buffer.alloc(LOCK_FILE_BYTES), { mode: 0o600 })
    if (folder !== null) symlinkSync(file, lock)
    return () => {
      rmSync(lock)
      if (folder !== null) rmSync(folder, { recursive: true })
    }
  } catch (cause) {
    throw notWritable(lock, cause)
  }
}

/** @returns one of our own; null where there is none to be had: then the lock file lies beside the data */
function folderInMemory(): string | null {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > LOCK_FILE_BYTES ? mkdtempSync(join(MEMORY, "mesg-")) : null
  } catch {
    return null
  }
}

interface Bounds {
  readonly start: Buffer
  readonly end: Buffer
  readonly reverse: boolean
  readonly inclusiveEnd: boolean
  readonly limit?: number
}

/** Key bytes between which the range lies, in the direction of the walk. */
export function bounds(table: string, range: Range): Bounds {
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
