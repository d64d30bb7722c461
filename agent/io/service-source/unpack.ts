import { createReadStream } from "node:fs"
import { type FileHandle, open, readdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { createGunzip } from "node:zlib"
import { Parser, ReadEntry } from "tar"
import { messageOf } from "../../base/errors.ts"
import { PACKAGE_ENTRIES_MAX, PACKAGE_TAR_RECORD_BYTES_MAX, PACKAGE_UNPACKED_BYTES_MAX } from "../../base/limits.ts"
import { invalid, SourceError, tooLarge } from "./error.ts"
import { makeFolder } from "../folder.ts"

const PATH_LENGTH_MAX = 1024
const SEGMENT_BYTES_MAX = 255
/** Links and devices have no business in a service. */
const FILES: readonly string[] = ["File", "OldFile", "ContiguousFile"]

/**
 * Unpacks a packed service into an empty folder: regular files below it and nothing else, whatever the archive says.
 * @param source how the package is called in errors
 * @returns the folder in it that holds the service: what `npm pack` calls `package`
 * @throws SourceError PACKAGE_INVALID, PACKAGE_TOO_LARGE
 */
export async function unpack(file: string, folder: string, source: string): Promise<string> {
  let entries = 0
  let target: FileHandle | null = null
  const packed = createReadStream(file)
  const archive = createGunzip()
  packed.on("error", (error) => archive.destroy(error))
  try {
    for await (const found of tarOf(bounded(packed.pipe(archive), source))) {
      if (!(found instanceof ReadEntry)) await target?.writeFile(found)
      else {
        if (++entries > PACKAGE_ENTRIES_MAX) throw tooLarge(source, PACKAGE_ENTRIES_MAX, "files")
        await target?.close()
        target = await begin(found, folder)
      }
    }
  } catch (error) {
    if (error instanceof SourceError) throw error
    throw invalid(source, messageOf(error), error)
  } finally {
    packed.destroy()
    archive.destroy()
    await target?.close()
  }
  return serviceIn(folder)
}

/** A few packed bytes may unfold to any number: these end, whatever they are. */
async function* bounded(archive: AsyncIterable<Buffer>, source: string): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const part of archive) {
    bytes += part.length
    if (bytes > PACKAGE_UNPACKED_BYTES_MAX) throw tooLarge(source, PACKAGE_UNPACKED_BYTES_MAX, "bytes when unpacked")
    yield part
  }
}

/** @returns each entry, then its content piece by piece @throws Error of the parser, where it is no tar or not all of one */
async function* tarOf(archive: AsyncIterable<Buffer>): AsyncGenerator<ReadEntry | Buffer> {
  let found: (ReadEntry | Buffer)[] = []
  // What comes to it is unpacked already: with this ratio nothing unfolds once more.
  const parser = new Parser({ strict: true, maxDecompressionRatio: 1, maxMetaEntrySize: PACKAGE_TAR_RECORD_BYTES_MAX })
  parser.on("entry", (entry: ReadEntry) => {
    found.push(entry)
    entry.on("data", (part: Buffer) => found.push(part))
  })
  parser.on("ignoredEntry", () => {
    throw new Error(`a name takes more than ${PACKAGE_TAR_RECORD_BYTES_MAX} bytes`)
  })
  let hasEnded = false
  parser.on("eof", () => {
    hasEnded = true
  })
  for await (const part of archive) {
    // What follows the end is read for its bounds and its checksum alone: the parser would pile it up, and copy the pile
    // for each part of it.
    if (!hasEnded) parser.write(part)
    yield* found
    found = []
  }
  parser.end()
  yield* found
}

/** @returns the file that takes the content, null for a folder */
async function begin(entry: ReadEntry, folder: string): Promise<FileHandle | null> {
  const path = join(folder, ...segmentsOf(entry.path))
  if (entry.type === "Directory") {
    makeFolder(path)
    return null
  }
  if (!FILES.includes(entry.type)) throw new Error(`${entry.path} is neither a file nor a folder`)
  makeFolder(dirname(path))
  // Never over something that is there: a name that comes twice is no package of anybody's.
  return open(path, "wx", ((entry.mode ?? 0) & 0o100) !== 0 ? 0o755 : 0o644)
}

/** @returns the parts of a path that stays below the folder it is unpacked to @throws Error */
function segmentsOf(path: string): string[] {
  // `./` at the head is how some archivers begin every name, the folder's own too.
  const plain = path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "")
  const segments = plain === "" || plain === "." ? [] : plain.split("/")
  const isPlain = (segment: string) =>
    segment !== "" && segment !== "." && segment !== ".." && Buffer.byteLength(segment) <= SEGMENT_BYTES_MAX
  if (path.length <= PATH_LENGTH_MAX && !/[\0\\]/.test(path) && segments.every(isPlain)) return segments
  throw new Error(`${JSON.stringify(path.slice(0, 200))} is no path below the package`)
}

/** Packages hold one folder; some hold the service itself. */
async function serviceIn(folder: string): Promise<string> {
  const found = await readdir(folder, { withFileTypes: true })
  const [only] = found
  return found.length === 1 && only!.isDirectory() ? join(folder, only!.name) : folder
}
