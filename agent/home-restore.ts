import {
  closeSync,
  existsSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { MesgError, messageOf } from "./base/errors.ts"
import { looksLikeArchive, unpackInto } from "./io/archive/archive.ts"
import { ArchiveError } from "./io/archive/error.ts"
import { restoreKeys } from "./io/keys/sealed-keys.ts"
import { restoreCredentials } from "./io/node-red/backup.ts"
import { type BackupContent, invalidBackup, readBackup } from "./io/store/backup.ts"
import { isNoSpace } from "./io/store/error.ts"
import { storeFiles, syncFolderOf } from "./io/store/files.ts"
import { takeLock } from "./io/store/lock.ts"
import { type BackupHead, BackupHeadSchema } from "./schema/backup.ts"
import { parseJson } from "./schema/json.ts"
import { makeFolder } from "./io/folder.ts"

export class RestoreError extends MesgError<
  | { readonly code: "HOME_USED"; readonly home: string }
  | { readonly code: "PASSPHRASE_MISSING" }
  | { readonly code: "RESTORE_FAILED"; readonly home: string }
> {}

export interface RestoreOptions {
  readonly wallMs: number
  readonly dryRun: boolean
  /** A home that is used is moved aside, not refused. */
  readonly force: boolean
  readonly withoutKeys: boolean
  /** Asked for only where the backup has keys; null where nobody can say. */
  passphrase(): Promise<string | null>
}

export interface Restored extends BackupContent {
  readonly head: BackupHead
  /** Whether this home is the node that the backup was made of. */
  readonly keys: boolean
  /** Where the home is that was there before. */
  readonly before: string | null
}

/** @returns whether the file is a backup of a whole home, not a store by itself @throws StoreError BACKUP_INVALID */
export function isHomeBackup(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined) throw invalidBackup(file, "there is no such file")
  if (!stats.isFile()) throw invalidBackup(file, "it is no file")
  const head = new Uint8Array(2)
  const handle = openSync(file, "r")
  try {
    readSync(handle, head)
  } finally {
    closeSync(handle)
  }
  return looksLikeArchive(head)
}

/**
 * Makes a home of a backup, whole or not at all: it is unpacked beside the home, checked, and then takes its place.
 * @throws RestoreError, StoreError BACKUP_INVALID, STORE_NEWER, STORE_IN_USE, KeysError PASSPHRASE_WRONG
 */
export async function restoreHome(place: string, file: string, options: RestoreOptions): Promise<Restored> {
  // A folder that is a link (systemd makes such ones) stays one.
  const home = existsSync(place) ? realpathSync(place) : place
  if (!options.dryRun && !options.force) refuseUsed(home)
  const draft = `${home}.restoring`
  try {
    rmSync(draft, { recursive: true, force: true })
    makeFolder(draft)
  } catch (cause) {
    throw failed(home, `${draft} cannot be made`, cause)
  }
  try {
    await unpackInto(file, draft, isPartOfHome).catch((error: unknown) => {
      if (!(error instanceof ArchiveError)) throw error
      throw isNoSpace(error.cause) ? outOfRoom(home, error) : invalidBackup(file, error.message)
    })
    const head = readHead(draft, file)
    const content = await readBackup(join(draft, "data", "store.mdb"), file)
    const keys = head.keys && !options.withoutKeys && (await putKeys(draft, options))
    if (!keys) restoreCredentials(join(draft, "node-red"), null)
    for (const name of ["backup.json", "keys.sealed"]) rmSync(join(draft, name), { force: true })
    const before = options.dryRun ? null : takePlace(draft, home, options.wallMs)
    return { ...content, head, keys, before }
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Never `consensus`: an older record of what was signed lets a validator sign twice. */
const HELD = ["backup.json", "keys.sealed", "config.yml", "data", "data/store.mdb", "plugins", "node-red"]

/** What a backup may hold: other files of a home are made anew. Links are for the copies of services alone. */
function isPartOfHome(path: string, isLink: boolean): boolean {
  if (path.startsWith("plugins/")) return true
  if (isLink) return false
  return path.startsWith("node-red/") || HELD.includes(path)
}

function readHead(draft: string, file: string): BackupHead {
  const path = join(draft, "backup.json")
  const text = existsSync(path) ? parseJson(readFileSync(path, "utf8")) : null
  const head = text?.ok ? v.safeParse(BackupHeadSchema, text.value) : null
  if (head?.success) return head.output
  throw invalidBackup(file, "it is no backup of a home")
}

/** @returns whether the keys are there: a check alone does without a passphrase */
async function putKeys(draft: string, options: RestoreOptions): Promise<boolean> {
  const passphrase = await options.passphrase()
  if (passphrase === null) {
    if (options.dryRun) return false
    throw new RestoreError({ code: "PASSPHRASE_MISSING" }, "the keys in this backup are sealed under a passphrase", {
      remedy:
        "give it with --passphrase-file or MESG_BACKUP_PASSPHRASE; --without-keys makes a new node without its secrets",
    })
  }
  const sealed = readFileSync(join(draft, "keys.sealed"), "utf8")
  restoreCredentials(join(draft, "node-red"), await restoreKeys(join(draft, "keys"), sealed, passphrase))
  return true
}

/** What makes it more than a place, be it a home or not: nothing is given up by accident. An agent's `run` is. */
function refuseUsed(home: string): void {
  if (!existsSync(home)) return
  if (!statSync(home).isDirectory()) throw failed(home, "it is no folder", undefined)
  const used = readdirSync(home).filter((name) => {
    const path = join(home, name)
    return name !== "run" && !(lstatSync(path).isDirectory() && readdirSync(path).length === 0)
  })
  if (used.length === 0) return
  const some = used.slice(0, 5).join(", ") + (used.length > 5 ? ", …" : "")
  throw new RestoreError({ code: "HOME_USED", home }, `${home} is used already: it has ${some}`, {
    remedy: "give another --home, or --force: the home that is there is then kept beside it",
  })
}

/** @returns where the home is that was there */
function takePlace(draft: string, home: string, wallMs: number): string | null {
  const release = holdStill(home)
  try {
    keepOwner(draft, home)
    const stamp = new Date(wallMs).toISOString().replaceAll(/[:.]/g, "-")
    const before = moveAside(home, `${home}.before-${stamp}`)
    try {
      renameSync(draft, home)
    } catch (error) {
      if (before !== null) renameSync(before, home)
      throw error
    }
    syncFolderOf(home)
    return before
  } catch (cause) {
    throw failed(home, messageOf(cause), cause)
  } finally {
    release()
  }
}

/** No agent may start on the old home, or run, while it is moved. @throws StoreError STORE_IN_USE */
function holdStill(home: string): () => void {
  const { lock } = storeFiles(join(home, "data"))
  return existsSync(lock) ? takeLock(lock) : () => {}
}

function moveAside(home: string, before: string): string | null {
  if (!existsSync(home)) return null
  if (readdirSync(home).length === 0) {
    rmdirSync(home)
    return null
  }
  renameSync(home, before)
  return before
}

/** Root restores for the user that the agent runs as. */
function keepOwner(draft: string, home: string): void {
  if (process.getuid?.() !== 0 || !existsSync(home)) return
  const { uid, gid } = statSync(home)
  for (const name of ["", ...readdirSync(draft, { recursive: true, encoding: "utf8" })]) {
    lchownSync(join(draft, name), uid, gid)
  }
}

function failed(home: string, why: string, cause: unknown): RestoreError {
  return new RestoreError({ code: "RESTORE_FAILED", home }, `${home} was not restored: ${why}`, {
    remedy: "the home must be a folder that can be renamed: no mount point, in a folder that this user may write",
    cause,
  })
}

function outOfRoom(home: string, cause: unknown): RestoreError {
  return new RestoreError({ code: "RESTORE_FAILED", home }, `${home} was not restored: its disk is full`, {
    remedy: "free disk space, or give a --home on another disk; the backup is as it was",
    cause,
  })
}
