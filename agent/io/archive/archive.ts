import { type BigIntStats, closeSync, fsyncSync, openSync, readdirSync, type Stats } from "node:fs"
import { lstat } from "node:fs/promises"
import { join } from "node:path"
import { create, extract, type ReadEntry } from "tar"
import { BACKUP_ENTRIES_MAX } from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import { ArchiveError } from "./error.ts"

/** The first bytes of gzip (RFC 1952). */
const GZIP = [0x1f, 0x8b]

/** @returns whether a file that begins like this is an archive of ours, or at least compressed like one */
export function looksLikeArchive(head: Uint8Array): boolean {
  return GZIP.every((byte, i) => head[i] === byte)
}

/**
 * Packs everything in a folder into one file: tar in gzip, which any machine can read. For its owner alone, and on the
 * device when this resolves.
 * @throws ArchiveError ARCHIVE_FAILED; then no file is left to be trusted
 */
export async function packFolder(folder: string, file: string): Promise<void> {
  try {
    await create(
      { file, cwd: folder, gzip: true, portable: true, strict: true, mode: 0o600 },
      readdirSync(folder).sort(),
    )
    syncPath(file)
  } catch (cause) {
    throw new ArchiveError({ code: "ARCHIVE_FAILED", file }, `${file} cannot be written: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/**
 * Unpacks an archive into an empty folder. Of an archive that somebody else made: nothing is written outside the folder,
 * and what is neither file, folder nor link ends it.
 * @param mayHold whether an entry of this path (`plugins/x/service.yml`) is expected
 * @throws ArchiveError ARCHIVE_DAMAGED
 */
export async function unpackInto(file: string, folder: string, mayHold: (path: string) => boolean): Promise<void> {
  let count = 0
  const refused: string[] = []
  const filter = (path: string, entry: ReadEntry | Stats | BigIntStats) => {
    const kind = "type" in entry ? String(entry.type) : ""
    const isPlain = kind === "File" || kind === "OldFile" || kind === "Directory" || kind === "SymbolicLink"
    const isFine = isPlain && !path.split("/").includes("..") && mayHold(path.replace(/\/$/, ""))
    if (!isFine || ++count > BACKUP_ENTRIES_MAX) refused.push(path)
    return refused.length === 0
  }
  try {
    await extract({ file, cwd: folder, strict: true, preserveOwner: false, filter })
  } catch (cause) {
    throw damaged(file, messageOf(cause), cause)
  }
  if (refused.length > 0) throw damaged(file, `it holds ${JSON.stringify(refused[0])}`)
  await syncTree(folder)
}

function damaged(file: string, why: string, cause?: unknown): ArchiveError {
  return new ArchiveError({ code: "ARCHIVE_DAMAGED", file }, `${file} is no whole archive: ${why}`, { cause })
}

/** Puts a folder and all that is in it on the device. */
async function syncTree(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stats = await lstat(path)
    if (stats.isDirectory()) await syncTree(path)
    else if (stats.isFile()) syncPath(path)
  }
  syncPath(folder)
}

function syncPath(path: string): void {
  const handle = openSync(path, "r")
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
