import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { messageOf } from "../../base/errors.ts"
import type { Log } from "../../ports/log.ts"
import type { CheckCommand } from "./check.ts"
import { checkFile } from "./check.ts"
import { copyTime, listCopies, quarantine, removeDrafts, writeChecked } from "./copies.ts"
import { StoreError } from "./error.ts"
import { type StoreFiles, syncFile, syncFolderOf } from "./files.ts"

/** What start-up found and did; `recovered` is an alarm for the owner. */
export interface StartReport {
  /** Whether the whole file was checked: always, except after a shutdown in order. */
  readonly checked: boolean
  readonly recovered: Recovery | null
}

export interface Recovery {
  readonly reason: string
  /** Where the damaged file is kept; null where there was none. */
  readonly quarantined: string | null
  /** The copy that took its place; null where none was good and the store starts empty. */
  readonly copy: string | null
  /** ms since epoch: what came after is lost. */
  readonly copyMs: number | null
}

/** @throws StoreError STORE_NOT_WRITABLE */
export function prepareFolder(files: StoreFiles): void {
  try {
    mkdirSync(files.dir, { recursive: true, mode: 0o700 })
    const probe = `${files.dir}/.probe`
    writeFileSync(probe, "")
    rmSync(probe)
  } catch (cause) {
    throw notWritable(files.dir, cause)
  }
}

export function notWritable(path: string, cause: unknown): StoreError {
  return new StoreError({ code: "STORE_NOT_WRITABLE", path }, `the store cannot be written: ${messageOf(cause)}`, {
    remedy: "let the agent's user own the home directory, make room on the disk, or give another --home",
    cause,
  })
}

/**
 * Leaves a data file that can be opened, or none. Holding the lock, before LMDB is opened.
 * A file that was not closed in order is checked; a damaged one goes to quarantine and the newest copy that passes the
 * same check takes its place. Every way through ends: nothing here is tried twice.
 */
export async function prepareData(
  files: StoreFiles,
  options: { wallMs: number; log: Log; command?: CheckCommand },
): Promise<StartReport> {
  removeDrafts(files)
  const clean = takeCleanMark(files)
  const found = existsSync(files.data)
  if (found && clean) return { checked: false, recovered: null }
  if (found) {
    const verdict = await checkFile(files.data, options.command)
    if (verdict.ok) return { checked: true, recovered: null }
    const quarantined = quarantine(files, options.wallMs)
    return { checked: true, recovered: await fromCopy(files, { ...options, quarantined, reason: verdict.reason }) }
  }
  // Cut between quarantine and restore, or the file was removed by hand: the copies are what is left.
  if (listCopies(files).length === 0) return { checked: false, recovered: null }
  return {
    checked: true,
    recovered: await fromCopy(files, { ...options, quarantined: null, reason: "the data file is missing" }),
  }
}

async function fromCopy(
  files: StoreFiles,
  options: { log: Log; command?: CheckCommand; quarantined: string | null; reason: string },
): Promise<Recovery> {
  const { reason, quarantined } = options
  for (const copy of listCopies(files)) {
    const write = async (draft: string) => copyFileSync(copy, draft)
    if (await writeChecked(files.data, write, options.command)) {
      const recovery = { reason, quarantined, copy, copyMs: copyTime(copy) }
      options.log.error("the store was damaged: the last good copy took its place", { ...recovery })
      return recovery
    }
    options.log.error("a copy of the store is damaged too", { copy })
  }
  const recovery = { reason, quarantined, copy: null, copyMs: null }
  options.log.error("the store was damaged and there is no good copy: it starts empty", { ...recovery })
  return recovery
}

/** Says that the file was closed in order, and as what. */
export function leaveCleanMark(files: StoreFiles): void {
  writeFileSync(files.clean, identity(files), { mode: 0o600 })
  syncFile(files.clean)
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
