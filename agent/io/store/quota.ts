import { statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { STORE_LOOK_BYTES, STORE_RESERVE_SHARE } from "../../base/limits.ts"
import type { Env } from "./env.ts"
import { StoreError } from "./error.ts"

const PAGE_BYTES = 4096

/** @returns the bytes a change takes at most: large records have pages of their own, small ones share half-full pages */
export function bytesInPages(recordBytes: number): number {
  return recordBytes > PAGE_BYTES / 4 ? Math.ceil((recordBytes + 32) / PAGE_BYTES) * PAGE_BYTES : recordBytes * 2 + 32
}

/**
 * How much may still be written. Pages in use come from LMDB's own books and free space from the file system, both
 * looked at once per STORE_LOOK_BYTES and near the limit at every write; in between, writes are added up.
 * The last STORE_RESERVE_SHARE is for removing and for finishing what was accepted, so that a full store can empty
 * itself, and refuses new work before the device refuses ours.
 */
export class Quota {
  readonly #db: Env
  readonly #path: string
  readonly #quotaBytes: number
  readonly #pendingBytes: () => number
  #usedBytes = 0
  #limitBytes = 0
  #sinceLook = 0

  /** @param pendingBytes what is asked for and not in LMDB's books yet */
  constructor(db: Env, path: string, quotaBytes: number, pendingBytes: () => number) {
    this.#db = db
    this.#path = path
    this.#quotaBytes = quotaBytes
    this.#pendingBytes = pendingBytes
    this.look()
  }

  /** @returns null, or why a write of about `bytes` that puts something is refused */
  refuse(bytes: number, mayUseReserve: boolean): StoreError | null {
    if (this.#sinceLook > STORE_LOOK_BYTES || !this.#fits(bytes, mayUseReserve)) this.look()
    if (this.#fits(bytes, mayUseReserve)) {
      this.#sinceLook += bytes
      return null
    }
    const detail = { code: "QUOTA", bytes: this.#usedBytes, quotaBytes: this.#limitBytes } as const
    return new StoreError(
      detail,
      `the store holds ${detail.bytes} of ${detail.quotaBytes} bytes: nothing was written`,
      { remedy: "remove finished executions, shorten executions.keepDays, raise store.quotaMb or free the disk" },
    )
  }

  /** The quota, or less where the disk has no more room; as of the last look. */
  get limitBytes(): number {
    return this.#limitBytes
  }

  /** @returns bytes of pages in use, now */
  look(): number {
    const stats = this.#db.getStats() as Record<string, number>
    const pages = stats.treeBranchPageCount! + stats.treeLeafPageCount! + stats.overflowPages!
    this.#usedBytes = pages * stats.pageSize!
    this.#sinceLook = this.#pendingBytes()
    const fileBytes = statSync(this.#path).size
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    this.#limitBytes = Math.min(this.#quotaBytes, fileBytes + bavail * bsize)
    return this.#usedBytes
  }

  #fits(bytes: number, mayUseReserve: boolean): boolean {
    const limit = mayUseReserve ? this.#limitBytes : this.#limitBytes * (1 - STORE_RESERVE_SHARE)
    return this.#usedBytes + this.#sinceLook + bytes <= limit
  }
}
