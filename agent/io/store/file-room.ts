import { closeSync, fstatSync, ftruncateSync, openSync, statfsSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { STORE_DISK_LEFT_BYTES, STORE_GROW_BYTES } from "../../base/limits.ts"
import { type Cost, PAGE_BYTES, singlePages, type TreePages } from "./cost.ts"
import type { Env } from "./env.ts"
import { isNoSpace } from "./error.ts"
import { walkFreePages } from "./page-walk.ts"

/** Runs of free pages are told apart up to this length. */
const RUN_MAX = 8
/** What is left, after a commit without one, of how long large records are taken to be. */
const RUN_KEPT = 0.99

interface Tree {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly treeDepth: number
}

interface Stats extends Tree {
  readonly lastPageNumber: number
  readonly lastTxnId: number
  readonly free: Tree
}

/** How many free pages lie in runs of which length. */
type FreeRuns = ReadonlyMap<number, number>

/** The free pages that LMDB takes in its next commit, and all. */
interface FreePages {
  readonly now: FreeRuns
  readonly later: FreeRuns
  /** What was given back from this transaction on is not taken yet. */
  readonly oldest: number
  /** As of this one. */
  readonly txn: number
}

/** Pages that a commit takes at the very most. */
interface Need {
  readonly single: number
  readonly run: number
  readonly longest: number
}

/** The file as the last commit left it, in pages. */
export interface FileState {
  readonly tree: TreePages
  /** With the headers and the list of free pages. */
  readonly used: number
  /** Up to the last page that LMDB ever used: it never gives one back. */
  readonly end: number
  /** Blocks that exist: what is not used up to here is there whatever else fills the disk. */
  readonly length: number
}

/**
 * Whether a commit fits. If not: the `quota` is too small, or the `disk`; or there are enough free pages, which LMDB
 * takes `soon`, that is one or two commits later, or when a `reader` (a copy) has let go of them.
 */
export type Fit = "fits" | "soon" | "reader" | "quota" | "disk"

/**
 * Where a commit goes, looked at before LMDB writes it: into blocks that exist, inside the quota. So a full disk is met
 * here, as an answer; LMDB would meet it in the middle of a commit, where this version (3.5.6) overruns the buffer of its
 * own error message. A commit into blocks that exist also syncs faster: the file system has no length to write.
 *
 * LMDB takes free pages before it makes the file longer, but not every free page: not those of the last commits, not
 * those that a reader may still need, and for a large record only a run that is long enough.
 *
 * Room that was seen once is only taken by commits, and each takes at most what was reckoned for it: so the commits that
 * follow spend what was seen, and nothing is looked at again before that is gone.
 */
export class FileRoom {
  readonly #db: Env
  readonly #path: string
  readonly #quotaPages: number
  readonly #file: number
  #state: FileState
  #lastTxn = 0
  /** The free pages that count beside those behind the last page; null where they were not needed. */
  #free: FreePages | null = null
  /** What the commits since then took at the very most. */
  #spent = 0
  /** Pages of large records as they come lately: forgotten little by little. */
  #usualRun = 1
  #apart = 0

  constructor(db: Env, path: string, quotaBytes: number) {
    this.#db = db
    this.#path = path
    this.#quotaPages = Math.floor(quotaBytes / PAGE_BYTES)
    this.#file = openSync(path, "r+")
    this.#state = this.look()
  }

  /** The file as it is; while LMDB is writing, as the last look found it. */
  look(): FileState {
    const stats = this.#db.getStats() as unknown as Stats
    const free = stats.free.treeBranchPageCount + stats.free.treeLeafPageCount + stats.free.overflowPages
    const { treeBranchPageCount: branches, treeLeafPageCount: leaves, overflowPages: overflows, treeDepth } = stats
    this.#lastTxn = stats.lastTxnId
    this.#state = {
      tree: { branches, leaves, overflows, depth: treeDepth, free },
      used: 2 + branches + leaves + overflows + free,
      end: stats.lastPageNumber + 1,
      length: Math.floor(fstatSync(this.#file).size / PAGE_BYTES),
    }
    return this.#state
  }

  /** Bytes that the disk still has for us. */
  diskBytes(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    return Math.max(0, bavail * bsize - STORE_DISK_LEFT_BYTES)
  }

  /** Free pages that no large record can take, because they lie apart; 0 while the file may grow. */
  get apart(): number {
    return this.#apart
  }

  /**
   * Only while LMDB is not writing: what lies past its last page is overwritten, and its list of free pages is read.
   * @param accepted they finish what was let in: they may make the file longer than its quota if nothing else helps
   * @param patient pages that come back with the next commits are waited for
   * @throws Error of the file system, for anything but a full disk
   */
  fit(cost: Cost, accepted: boolean, patient: boolean): Fit {
    this.#usualRun = Math.min(Math.max(cost.longestRun, this.#usualRun * RUN_KEPT), RUN_MAX)
    const need = this.#needOf(cost)
    if (this.#fits(need, this.#free?.now)) return this.#take(need)
    return this.#lookAndFit(cost, accepted, patient)
  }

  close(): void {
    closeSync(this.#file)
  }

  #lookAndFit(cost: Cost, accepted: boolean, patient: boolean): Fit {
    const known = this.#free
    this.look()
    this.#spent = 0
    this.#free = null
    this.#apart = 0
    const need = this.#needOf(cost)
    const full = !this.#growTo(need.single + need.run)
    if (this.#fits(need)) return this.#take(need)
    const { now, later, oldest } = (this.#free = this.#freePages(known))
    this.#apart = pagesIn(later) - pagesIn(later, Math.floor(this.#usualRun))
    if (this.#fits(need, now)) return this.#take(need)
    if (this.#fits(need, later)) {
      if (oldest < this.#lastTxn) return "reader"
      if (patient) return "soon"
    }
    if (full) return "disk"
    if (!accepted) return "quota"
    return this.diskBytes() > 2 * (need.single + need.run) * PAGE_BYTES ? this.#take(need) : "disk"
  }

  #needOf(cost: Cost): Need {
    const { tree } = this.#state
    // Every page taken since the look may be a leaf or a branch by now.
    const now = { ...tree, leaves: tree.leaves + this.#spent, branches: tree.branches + this.#spent }
    return { single: singlePages(cost, now), run: cost.runPages, longest: cost.longestRun }
  }

  /** Runs go into free ones that are long enough or behind the last page, single pages wherever one is left. */
  #fits({ single, run, longest }: Need, free: FreeRuns = NOTHING): boolean {
    const behind = Math.max(0, this.#state.length - this.#state.end)
    const left = behind + pagesIn(free) - this.#spent
    if (run === 0) return left >= single
    // Of free runs one half counts: LMDB looks for one record at a time, and may break what fitted another. So may each
    // page that was spent, and each single one of this commit: it is taken from what LMDB has read of its list by then.
    const long = Math.floor(pagesIn(free, longest) / 2) - (this.#spent + single) * longest
    const inside = Math.min(run, Math.max(0, long))
    return behind - this.#spent >= run - inside && left - run - inside >= single
  }

  #take({ single, run }: Need): "fits" {
    this.#spent += single + run
    return "fits"
  }

  /** @param known what was read before, which may still be so */
  #freePages(known: FreePages | null): FreePages {
    const txn = this.#lastTxn
    const oldest = Math.min(txn, ...readers(this.#db))
    if (known?.txn === txn && known.oldest === oldest) return known
    const when = new Uint8Array(this.#state.end)
    walkFreePages(this.#file, (givenBack, first, count) => {
      when.fill(givenBack < oldest ? NOW : LATER, first, first + count)
    })
    return { now: runsOf(when, NOW), later: runsOf(when, LATER), oldest, txn }
  }

  /**
   * Makes room for `pages` behind the last page, and for more while it is at it, as far as quota and disk go: what there
   * is, is ours, and finishes what was accepted whatever else fills the disk.
   * @returns false where the disk is full
   */
  #growTo(pages: number): boolean {
    const { end, length } = this.#state
    const from = Math.max(end, length)
    const step = STORE_GROW_BYTES / PAGE_BYTES
    const wanted = Math.min(Math.ceil((end + pages) / step) * step, this.#quotaPages)
    if (wanted <= from) return true
    const target = Math.min(wanted, from + Math.floor(this.diskBytes() / PAGE_BYTES))
    // A page at a time: from a longer write Linux makes larger pieces of its cache, and writes all of such a piece
    // again for each page in it that changes.
    const page = Buffer.alloc(PAGE_BYTES)
    let at = from * PAGE_BYTES
    try {
      while (at < target * PAGE_BYTES) at += writeSync(this.#file, page, 0, PAGE_BYTES - (at % PAGE_BYTES), at)
    } catch (cause) {
      if (!isNoSpace(cause)) throw cause
    }
    const reached = Math.floor(at / PAGE_BYTES)
    if (at % PAGE_BYTES !== 0) ftruncateSync(this.#file, reached * PAGE_BYTES)
    this.#state = { ...this.#state, length: reached }
    return reached === wanted
  }
}

const NOTHING: FreeRuns = new Map()
const LATER = 1
const NOW = 2

/** @param when for each page when it can be taken, 0 for one in use @returns the runs that can be by then */
function runsOf(when: Uint8Array, by: typeof LATER | typeof NOW): FreeRuns {
  const runs = new Map<number, number>()
  let length = 0
  for (let page = 0; page <= when.length; page++) {
    if (page < when.length && when[page]! >= by) length++
    else if (length > 0) {
      runs.set(length, (runs.get(length) ?? 0) + length)
      length = 0
    }
  }
  return runs
}

function pagesIn(runs: FreeRuns, lengthMin = 1): number {
  let pages = 0
  for (const [length, count] of runs) if (length >= lengthMin) pages += count
  return pages
}

/** @returns which snapshots are being read, by the numbers of their transactions */
function readers(db: Env): number[] {
  // One line of pid, thread and transaction for each; "-" where nothing is being read.
  return db
    .readerList()
    .split("\n")
    .map((line) => Number(line.trim().split(/\s+/)[2]))
    .filter((txn) => Number.isInteger(txn))
}
