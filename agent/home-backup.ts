import { cpSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { cp } from "node:fs/promises"
import { join } from "node:path"
import { BACKUP_TRIES_MAX } from "./base/limits.ts"
import { packFolder } from "./io/archive/archive.ts"
import { sealKeys } from "./io/keys/sealed-keys.ts"
import { copyUserFolder, credentialSecret, nodesWithCredentials } from "./io/node-red/backup.ts"
import { StoreError } from "./io/store/error.ts"
import type { Store } from "./ports/store.ts"
import type { BackupHead } from "./schema/backup.ts"
import { TABLE } from "./schema/tables.ts"
import { makeFolder } from "./io/folder.ts"

export interface HomeBackup {
  readonly home: string
  readonly store: Store
  readonly version: string
  readonly nodeKey: string
  readonly madeMs: number
  /** Under which the keys are sealed; null leaves them out. */
  readonly passphrase: string | null
  readonly signal: AbortSignal
}

/**
 * Writes everything that makes this home into one new file, while it is in use. See docs/spec/store.md#backup.
 * @returns its length in bytes
 * @throws StoreError BACKUP_FAILED, ArchiveError ARCHIVE_FAILED, KeysError PASSPHRASE_SHORT
 */
export async function backupHome(file: string, backup: HomeBackup): Promise<number> {
  // Gathered first: what is packed must not change meanwhile.
  const draft = `${file}.draft`
  const packed = `${file}.packed`
  const { home, version, nodeKey, madeMs, passphrase, signal } = backup
  const nodeRed = join(home, "node-red")
  try {
    const keys = passphrase === null ? null : await sealKeys(join(home, "keys"), passphrase, credentialSecret(nodeRed))
    await gather(draft, backup)
    const head: BackupHead = {
      v: 1,
      version,
      node: nodeKey,
      made: new Date(madeMs).toISOString(),
      keys: keys !== null,
      nodesWithCredentials: nodesWithCredentials(nodeRed),
    }
    writeFileSync(join(draft, "backup.json"), `${JSON.stringify(head)}\n`)
    if (keys !== null) writeFileSync(join(draft, "keys.sealed"), keys)
    signal.throwIfAborted()
    await packFolder(draft, packed)
    signal.throwIfAborted()
    renameSync(packed, file)
    return statSync(file).size
  } finally {
    rmSync(draft, { recursive: true, force: true })
    rmSync(packed, { force: true })
  }
}

/** The store, and the services that it names: a service that is changed in between is another one. Flows beside them. */
async function gather(draft: string, { home, store, passphrase, signal }: HomeBackup): Promise<void> {
  for (let tries = 0; tries < BACKUP_TRIES_MAX; tries++) {
    rmSync(draft, { recursive: true, force: true })
    makeFolder(join(draft, "data"))
    const before = shelved(store)
    await store.backup(join(draft, "data", "store.mdb"), signal)
    const isWhole =
      (await copyFolders(before, join(home, "plugins"), join(draft, "plugins"))) &&
      (await copyUserFolder(join(home, "node-red"), join(draft, "node-red"), passphrase !== null))
    if (isWhole && sameNames(before, shelved(store))) {
      const config = join(home, "config.yml")
      if (existsSync(config)) cpSync(config, join(draft, "config.yml"))
      return
    }
  }
  throw new StoreError({ code: "BACKUP_FAILED", file: draft }, "services or flows were changed all the while", {
    remedy: "try again when nobody adds or removes services, or deploys flows",
  })
}

/** Names of the copies of services, as records have them. */
function shelved(store: Store): string[] {
  return [...store.range(TABLE.service)].flatMap(({ value }) => {
    const { folder } = value as { folder: string | null }
    return folder === null ? [] : [folder]
  })
}

/** @returns whether all were there: one may go while it is copied, beside the agent's work */
async function copyFolders(names: readonly string[], from: string, to: string): Promise<boolean> {
  for (const name of names) {
    try {
      await cp(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
  return true
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT"
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}
