import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs"
import { STORE_GROW_BYTES } from "../../base/limits.ts"
import type { Env } from "./env.ts"
import { StoreError } from "./error.ts"

const PAGE_BYTES = 4096
/** Pages that a change copies beside its own: its leaf and a branch, taken as if no other change shared them. */
const PAGES_PER_CHANGE = 2
const PAGES_PER_COMMIT = 16
const NO_SPACE = ["ENOSPC", "EDQUOT"]

interface Tree {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface Stats extends Tree {
  readonly lastPageNumber: number
  readonly free: Tree
}

/**
 * Makes the file long enough before LMDB writes into it, with blocks that are really there. So a full disk is met here,
 * as an answer; LMDB would meet it in the middle of a commit, where this version (3.5.6) overruns the buffer of its own
 * error message. A commit into blocks that exist also syncs faster: the file system has no length to write.
 */
export class Room {
  readonly #db: Env
  readonly #file: number
  #aheadBytes = 0

  constructor(db: Env, path: string) {
    this.#db = db
    this.#file = openSync(path, "r+")
  }

  /**
   * Only while LMDB is not writing: what lies past its last page is overwritten.
   * @param bytes of the records @param changes how many
   * @returns null, or QUOTA when the disk is full: then the file is as it was
   * @throws Error of the file system, for anything else
   */
  ensure(bytes: number, changes: number): StoreError | null {
    const need = bytes + (changes * PAGES_PER_CHANGE + PAGES_PER_COMMIT) * PAGE_BYTES
    if (this.#aheadBytes < need) {
      const size = fstatSync(this.#file).size
      const stats = this.#db.getStats() as unknown as Stats
      const end = (stats.lastPageNumber + 1) * PAGE_BYTES
      this.#aheadBytes = Math.max(0, size - end)
      if (this.#aheadBytes < need) {
        const target = Math.ceil((end + need) / STORE_GROW_BYTES) * STORE_GROW_BYTES
        const refusal = this.#grow(Math.max(size, end), target)
        // Half of the free pages, for LMDB may not take those of the last commits yet: so a full store can empty itself.
        if (refusal) return need <= (end - pagesInUse(stats) * PAGE_BYTES) / 2 ? null : refusal
        this.#aheadBytes = target - end
      }
    }
    this.#aheadBytes -= need
    return null
  }

  close(): void {
    closeSync(this.#file)
  }

  #grow(from: number, to: number): StoreError | null {
    // A page at a time: from a longer write Linux makes larger pieces of its cache, and writes all of such a piece
    // again for each page in it that changes.
    const page = Buffer.alloc(PAGE_BYTES)
    try {
      for (let at = from; at < to; ) at += writeSync(this.#file, page, 0, Math.min(PAGE_BYTES, to - at), at)
      return null
    } catch (cause) {
      if (!NO_SPACE.includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause
      ftruncateSync(this.#file, from)
      this.#aheadBytes = 0
      return new StoreError({ code: "QUOTA", bytes: from, quotaBytes: from }, "the disk is full: nothing was written", {
        remedy: "free space on the disk; finished executions can be removed meanwhile",
        cause,
      })
    }
  }
}

function pagesInUse(stats: Stats): number {
  const pages = (tree: Tree) => tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages
  return 2 + pages(stats) + pages(stats.free)
}
