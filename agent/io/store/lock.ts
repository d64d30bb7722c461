import { readFileSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { isNoSpace, notWritable, StoreError } from "./error.ts"

const SQLITE_BUSY = 5

/**
 * One agent per home. Node has no file lock, SQLite (in Node) has: an exclusive transaction on an empty file is a lock
 * of the kernel, so it ends with the process however that ends, and no stale pid can be mistaken.
 * @param path the lock; `<path>.pid` beside it names who holds it
 * @returns gives the lock back
 * @throws StoreError STORE_IN_USE with the pid of the first, STORE_NOT_WRITABLE
 */
export function takeLock(path: string): () => void {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    // With its journal in memory it writes nothing: it works on a full disk.
    database.exec("PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE")
  } catch (cause) {
    database.close()
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw notWritable(path, cause)
    const pid = holder(path)
    throw new StoreError({ code: "STORE_IN_USE", pid }, `another agent${pid ? ` (pid ${pid})` : ""} uses this home`, {
      remedy: "stop it first, or give this one another --home",
      cause,
    })
  }
  try {
    writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600 })
  } catch (cause) {
    // On a full disk a second agent is told less, that is all.
    if (!isNoSpace(cause)) throw notWritable(`${path}.pid`, cause)
  }
  return () => database.close()
}

function holder(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(`${path}.pid`, "latin1"), 10) || null
  } catch {
    // The first has the lock and has not written its pid yet.
    return null
  }
}
