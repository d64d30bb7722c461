import { type BigIntStats, closeSync, createWriteStream, fsyncSync, openSync, readdirSync, type Stats } from "node:fs"
import { lstat } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import { create, extract, type ReadEntry } from "tar"
import { BACKUP_ENTRIES_MAX } from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import { ArchiveError } from "./error.ts"

/** The first bytes of gzip (RFC 1952). */
const GZIP = [0x1f, 0x8b]
/** How much of a file is held at once; the archiver's own measure is 16 MiB. */
const READ_BYTES = 65_536

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
    const content = create(
      { cwd: folder, portable: true, strict: true, maxReadSize: READ_BYTES },
      readdirSync(folder).sort(),
    )
    // Node's gzip works beside the event loop, the archiver's own within it.
    await pipeline(content, createGzip(), createWriteStream(file, { mode: 0o600, flush: true }))
  } catch (cause) {
    throw new ArchiveError({ code: "ARCHIVE_FAILED", file }, `${file} cannot be written: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/**
 * Unpacks an archive into an empty folder. Of an archive that somebody else made: nothing is written outside the folder,
 * and what is neither file, folder nor link ends it.
 * @param mayHold whether an entry of this path (`plugins/x/service.yml`) is expected, and as a symbolic link
 * @throws ArchiveError ARCHIVE_DAMAGED
 */
export async function unpackInto(
  file: string,
  folder: string,
  mayHold: (path: string, isLink: boolean) => boolean,
): Promise<void> {
  let count = 0
  const refused: string[] = []
  const filter = (path: string, entry: ReadEntry | Stats | BigIntStats) => {
    const kind = "type" in entry ? String(entry.type) : ""
    const isLink = kind === "SymbolicLink"
    const isPlain = kind === "File" || kind === "OldFile" || kind === "Directory" || isLink
    const isFine = isPlain && !path.split("/").includes("..") && mayHold(path.replace(/\/$/, ""), isLink)
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
