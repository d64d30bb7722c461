import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import type { Log } from "../../ports/log.ts"
import type { StoreRecovery } from "../../ports/store.ts"
import { checkFile } from "./check.ts"
import { copyTime, listCopies, quarantine, removeDrafts, writeChecked } from "./copies.ts"
import { isNoSpace, notWritable } from "./error.ts"
import { type StoreFiles, syncFile, syncFolderOf } from "./files.ts"
import { leaveNotice } from "./notice.ts"
import { type Tell, walkPages } from "./page-walk.ts"
import { makeFolder } from "../folder.ts"

/** What start-up found and did; `recovered` is an alarm for the owner. */
export interface StartReport {
  /**
   * `full`: in a child process, every page and once through with LMDB; always when the store was not stopped in order.
   * `pages`: every page, here, without LMDB. `none`: stopped in order and too large for that, or new.
   */
  readonly check: "full" | "pages" | "none"
  readonly recovered: StoreRecovery | null
  /** There was a run before, and it was not stopped in order. */
  readonly crashed: boolean
}

/** @throws StoreError STORE_NOT_WRITABLE */
export function prepareFolder(files: StoreFiles): void {
  try {
    makeFolder(files.dir)
    const probe = `${files.dir}/.probe`
    writeFileSync(probe, "")
    rmSync(probe)
  } catch (cause) {
    throw notWritable(files.dir, cause)
  }
}

/**
 * Leaves a data file that can be opened, or none. Holding the lock, before LMDB is opened.
 * A damaged file goes to quarantine and the newest copy that passes the same check takes its place. Every way through
 * ends: nothing here is tried twice.
 */
export async function prepareData(
  files: StoreFiles,
  options: { wallMs: number; log: Log; pageCheckBytes: number; tell?: Tell },
): Promise<StartReport> {
  removeDrafts(files)
  const clean = takeCleanMark(files)
  if (!existsSync(files.data)) {
    if (listCopies(files).length === 0) return { check: "none", recovered: null, crashed: false }
    // Cut between quarantine and restore, or the file was removed by hand: the copies are what is left.
    const reason = "the data file is missing"
    return { check: "none", recovered: await fromCopy(files, { ...options, quarantined: null, reason }), crashed: true }
  }
  const check = !clean ? "full" : statSync(files.data).size <= options.pageCheckBytes ? "pages" : "none"
  const crashed = !clean
  if (check === "none") return { check, recovered: null, crashed }
  const { tell } = options
  const verdict = check === "full" ? await checkFile(files.data, tell) : walkPages(files.data, tell)
  if (verdict.ok) return { check, recovered: null, crashed }
  const quarantined = quarantine(files, options.wallMs)
  return { check, recovered: await fromCopy(files, { ...options, quarantined, reason: verdict.reason }), crashed }
}

async function fromCopy(
  files: StoreFiles,
  options: { wallMs: number; log: Log; tell?: Tell; quarantined: string | null; reason: string },
): Promise<StoreRecovery> {
  const { reason, quarantined, wallMs: foundMs } = options
  for (const copy of listCopies(files)) {
    const recovery = { foundMs, reason, quarantined, copy, copyMs: copyTime(copy) }
    const write = async (draft: string) => copyFileSync(copy, draft)
    // Before the copy counts: a cut in between must not lose the word of it.
    if (await writeChecked(files.data, write, options.tell, () => leaveNotice(files, recovery))) {
      options.log.error("the store was damaged: the last good copy took its place", { ...recovery })
      return recovery
    }
    options.log.error("a copy of the store is damaged too", { copy })
  }
  const recovery = { foundMs, reason, quarantined, copy: null, copyMs: null }
  leaveNotice(files, recovery)
  options.log.error("the store was damaged and there is no good copy: it starts empty", { ...recovery })
  return recovery
}

/** Says that the file was closed in order, and as what. Where the disk is full it is not said: the next start checks. */
export function leaveCleanMark(files: StoreFiles): void {
  try {
    writeFileSync(files.clean, identity(files), { mode: 0o600 })
    syncFile(files.clean)
  } catch (error) {
    if (!isNoSpace(error)) throw error
    rmSync(files.clean, { force: true })
  }
  syncFolderOf(files.clean)
}

/** @returns whether the data file is the one that was closed in order. The mark is gone for good before LMDB opens. */
function takeCleanMark(files: StoreFiles): boolean {
  if (!existsSync(files.clean)) return false
  const matches = existsSync(files.data) && readFileSync(files.clean, "latin1") === identity(files)
  rmSync(files.clean)
  syncFolderOf(files.clean)
  return matches
}

function identity(files: StoreFiles): string {
  const { size, mtimeMs, ino } = statSync(files.data)
  return `${size} ${mtimeMs} ${ino}\n`
}
