import { readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { STORE_COPY_LOOK_MS, STORE_QUARANTINED_MAX } from "../../base/limits.ts"
import { checkFile } from "./check.ts"
import { type StoreFiles, syncFile, syncFolderOf } from "./files.ts"
import { makeFolder } from "../folder.ts"
import type { Tell } from "./page-walk.ts"

const DRAFT = ".new"
const COPY = /^(\d{15})(?:-(\d+))?\.mdb$/

/** @returns the verified copies, newest first */
export function listCopies(files: StoreFiles): string[] {
  return names(files.copies)
    .filter((name) => COPY.test(name))
    .sort()
    .reverse()
    .map((name) => join(files.copies, name))
}

/** @returns when a copy was made, ms since epoch by the wall clock of then */
export function copyTime(path: string): number {
  return Number(COPY.exec(basename(path))?.[1])
}

/** @returns the LMDB transaction that a copy has at least, null where its name does not tell */
export function copyTxn(path: string): number | null {
  const txn = COPY.exec(basename(path))?.[2]
  return txn === undefined ? null : Number(txn)
}

/**
 * Makes a copy under a draft name, checks it and only then counts it among the copies; drops the oldest above `keep`.
 * @param txn LMDB's last transaction before the copy: it goes into the name, for LMDB numbers a compacted copy anew
 * @param write writes a consistent copy to the path it gets
 * @returns the copy, or null where what was written did not pass
 */
export async function addCopy(
  files: StoreFiles,
  options: {
    keep: number
    wallMs: number
    txn: number
    write: (path: string) => Promise<void>
    tell?: Tell
  },
): Promise<string | null> {
  makeFolder(files.copies)
  // Later than any other by name, whatever the wall clock says.
  const newest = listCopies(files)[0]
  const stamp = Math.max(options.wallMs, newest === undefined ? 0 : copyTime(newest) + 1)
  const path = join(files.copies, `${String(stamp).padStart(15, "0")}-${options.txn}.mdb`)
  if (!(await writeChecked(path, options.write, options.tell))) return null
  for (const old of listCopies(files).slice(options.keep)) rmSync(old, { force: true })
  return path
}

/**
 * Writes a file that is whole and checked, or does not exist.
 * @param passed called once it has passed, before it has its name
 * @returns whether it passed
 */
export async function writeChecked(
  path: string,
  write: (path: string) => Promise<void>,
  tell?: Tell,
  passed: () => void = () => {},
): Promise<boolean> {
  const draft = path + DRAFT
  rmSync(draft, { force: true })
  try {
    await write(draft)
    const verdict = await checkFile(draft, tell)
    if (!verdict.ok) return false
    passed()
    syncFile(draft)
    renameSync(draft, path)
    syncFolderOf(path)
    return true
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Tells which share of `bytes` a file has while it is written, as often as it has grown. */
export async function whileGrowing(path: string, bytes: number, tell: Tell, writing: Promise<void>): Promise<void> {
  let before = 0
  const timer = setInterval(() => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > before) tell(Math.min(size / bytes, 1))
    before = size
  }, STORE_COPY_LOOK_MS)
  try {
    await writing
  } finally {
    clearInterval(timer)
  }
}

/** Moves the data file away, so that nothing opens it again and a person can look at it. @returns where it is now */
export function quarantine(files: StoreFiles, wallMs: number): string {
  makeFolder(files.quarantine)
  const kept = names(files.quarantine).sort()
  for (const old of kept.slice(0, Math.max(0, kept.length + 1 - STORE_QUARANTINED_MAX)))
    rmSync(join(files.quarantine, old), { force: true })
  const path = join(files.quarantine, `${String(wallMs).padStart(15, "0")}.mdb`)
  renameSync(files.data, path)
  syncFolderOf(path)
  syncFolderOf(files.data)
  return path
}

/** Removes what an interrupted copy or restore left. */
export function removeDrafts(files: StoreFiles): void {
  for (const dir of [files.dir, files.copies])
    for (const name of names(dir))
      if (name.endsWith(DRAFT) || name.endsWith(`${DRAFT}-lock`)) rmSync(join(dir, name), { force: true })
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
}
