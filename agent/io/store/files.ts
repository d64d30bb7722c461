import { closeSync, fsyncSync, openSync } from "node:fs"
import { dirname, join } from "node:path"
import { syncFolder } from "../folder.ts"

/** Where everything of the store lies below `<home>/data`. */
export interface StoreFiles {
  readonly dir: string
  /** The LMDB file. */
  readonly data: string
  /** Kernel lock: one agent per home. */
  readonly lock: string
  /** There only while the store is closed and was closed in order. */
  readonly clean: string
  readonly copies: string
  readonly quarantine: string
  /** Word of a recovery, there until the owner removes it. */
  readonly notice: string
}

export function storeFiles(dir: string): StoreFiles {
  return {
    dir,
    data: join(dir, "store.mdb"),
    lock: join(dir, "lock"),
    clean: join(dir, "clean"),
    copies: join(dir, "copies"),
    quarantine: join(dir, "quarantine"),
    notice: join(dir, "recovered.json"),
  }
}

/** LMDB's own lock file beside a data file. */
export function lmdbLock(data: string): string {
  return `${data}-lock`
}

/** Puts a file's bytes on the device. */
export function syncFile(path: string): void {
  const file = openSync(path, "r+")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Puts the entry of a created, renamed or removed file on the device. */
export function syncFolderOf(path: string): void {
  syncFolder(dirname(path))
}
