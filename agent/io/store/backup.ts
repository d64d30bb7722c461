import { copyFileSync, existsSync, renameSync, rmSync } from "node:fs"
import { messageOf } from "../../base/errors.ts"
import type { Key } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { checkFile } from "./check.ts"
import { quarantine, writeChecked } from "./copies.ts"
import { bounds, type Env, openEnv } from "./env.ts"
import { StoreError } from "./error.ts"
import { lmdbLock, storeFiles, syncFolderOf } from "./files.ts"
import { formatOf } from "./format.ts"
import { decodeKey, encodeKey } from "./key.ts"
import { takeLock } from "./lock.ts"
import { prepareFolder } from "./recover.ts"
import { decodeRecord } from "./record.ts"

/**
 * Writes a consistent copy of an open store to one file, checked before it gets its name. Keys are
 * files of their own, elsewhere.
 */
export async function writeBackup(db: Env, file: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const draft = `${file}.part`
  let whole: boolean
  try {
    whole = await writeChecked(draft, (path) => db.backup(path, true))
  } catch (cause) {
    throw new StoreError({ code: "BACKUP_FAILED", file }, `no backup was written to ${file}: ${messageOf(cause)}`, {
      remedy: "give a folder that exists, that the agent may write and that has room",
      cause,
    })
  }
  // LMDB cannot stop a copy half-way: an abort is answered when it has ended, and leaves nothing.
  if (signal.aborted) rmSync(draft, { force: true })
  signal.throwIfAborted()
  if (!whole) throw new StoreError({ code: "BACKUP_FAILED", file }, "the backup did not pass its check and was removed")
  renameSync(draft, file)
  syncFolderOf(file)
}

export interface BackupContent {
  readonly format: number
  readonly entries: number
  /** ms since epoch that workflow time had come to. */
  readonly timeMs: number
  /** Settings that are sealed under the key of the home it was made of: `<service or application>: <setting>`. */
  readonly secrets: readonly string[]
}

/**
 * Puts a backup in the place of a home's store; the store that was there goes to quarantine. With `dryRun` it is only
 * checked, all of it, and nothing is changed.
 * @param dir `<home>/data`, of an agent that is not running
 * @throws StoreError BACKUP_INVALID (no file, damaged or no store), STORE_NEWER, STORE_IN_USE, STORE_NOT_WRITABLE
 */
export async function restoreBackup(
  dir: string,
  file: string,
  options: { dryRun: boolean; wallMs: number },
): Promise<BackupContent> {
  const files = storeFiles(dir)
  const content = await readBackup(file)
  if (options.dryRun) return content
  prepareFolder(files)
  const release = takeLock(files.lock)
  try {
    rmSync(files.clean, { force: true })
    if (existsSync(files.data)) quarantine(files, options.wallMs)
    const write = async (draft: string) => copyFileSync(file, draft)
    if (!(await writeChecked(files.data, write)))
      throw invalidBackup(file, "what was written does not read back: the disk is bad")
    return content
  } finally {
    release()
  }
}

/**
 * Checks a store file, all of it, and says what is in it.
 * @param name what messages call it: where it lies inside of something
 * @throws StoreError BACKUP_INVALID, STORE_NEWER
 */
export async function readBackup(file: string, name = file): Promise<BackupContent> {
  if (!existsSync(file)) throw invalidBackup(name, "there is no such file")
  const verdict = await checkFile(file)
  if (!verdict.ok) throw invalidBackup(name, verdict.reason)
  const db = openEnv(file, 0, true)
  try {
    const get = (table: string, key: readonly string[]): unknown => {
      const bytes = encodeKey(table, key)
      const record = db.getBinary(bytes)
      const decoded = record && decodeRecord(bytes, record)
      return decoded?.ok ? decoded.value : undefined
    }
    const format = formatOf({ get: (table, key) => get(table, key as readonly string[]) })
    if (format === null) throw invalidBackup(name, "it is no store of this agent")
    const clock = get(TABLE.meta, ["clock"]) as { ms: number } | undefined
    return { format, entries: verdict.entries, timeMs: clock?.ms ?? 0, secrets: [...sealedSettings(db)] }
  } finally {
    await db.close()
    rmSync(lmdbLock(file), { force: true })
  }
}

interface Settings {
  readonly config?: Readonly<Record<string, unknown>>
}

function* sealedSettings(db: Env): Iterable<string> {
  for (const { key, value } of entriesOf(db, TABLE.service)) yield* sealedIn(`service ${key[0]}`, value as Settings)
  const versions = new Map([...entriesOf(db, TABLE.applicationVersion)].map(({ key, value }) => [key.join(" "), value]))
  for (const { key, value } of entriesOf(db, TABLE.application)) {
    const { version, removed } = value as { version: number; removed: boolean }
    const newest = removed ? undefined : versions.get(`${key[0]} ${version}`)
    if (newest !== undefined) yield* sealedIn(`application ${key[0]}`, newest as Settings)
  }
}

function* sealedIn(owner: string, { config = {} }: Settings): Iterable<string> {
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === "object" && value !== null && "sealed" in value) yield `${owner}: ${name}`
  }
}

function* entriesOf(db: Env, table: string): Iterable<{ key: Key; value: unknown }> {
  for (const { key, value } of db.getRange(bounds(table, {}))) {
    const decoded = decodeRecord(key, value)
    if (decoded.ok) yield { key: decodeKey(key).key, value: decoded.value }
  }
}

/** @returns the refusal of a file that is no backup, or no whole one */
export function invalidBackup(file: string, why: string): StoreError {
  return new StoreError({ code: "BACKUP_INVALID", file }, `${file} cannot be restored: ${why}`, {
    remedy:
      "give a file that `mesg backup` wrote, or a verified copy (data/copies/*.mdb of a home); --dry-run checks one",
  })
}
