import { createReadStream } from "node:fs"
import { mkdir, open, readdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { createGunzip } from "node:zlib"
import { messageOf } from "../../base/errors.ts"
import { PACKAGE_ENTRIES_MAX, PACKAGE_UNPACKED_BYTES_MAX } from "../../base/limits.ts"
import { invalid, SourceError, tooLarge } from "./error.ts"
import { type TarEntry, tarEntries, TarTrouble } from "./tar.ts"

const PATH_LENGTH_MAX = 1024
const SEGMENT_BYTES_MAX = 255

/**
 * Unpacks a packed service into an empty folder: regular files below it and nothing else, whatever the archive says.
 * @param source how the package is called in errors
 * @returns the folder in it that holds the service: what `npm pack` calls `package`
 * @throws SourceError PACKAGE_INVALID, PACKAGE_TOO_LARGE
 */
export async function unpack(file: string, folder: string, source: string): Promise<string> {
  let entries = 0
  const packed = createReadStream(file)
  const archive = createGunzip()
  packed.on("error", (error) => archive.destroy(error))
  try {
    for await (const entry of tarEntries(bounded(packed.pipe(archive), source))) {
      if (++entries > PACKAGE_ENTRIES_MAX) throw tooLarge(source, PACKAGE_ENTRIES_MAX, "files")
      await write(entry, folder)
    }
  } catch (error) {
    if (error instanceof SourceError) throw error
    throw invalid(source, messageOf(error), error)
  } finally {
    packed.destroy()
    archive.destroy()
  }
  return serviceIn(folder)
}

/** A few packed bytes may unfold to any number: these end, whatever they are. */
async function* bounded(archive: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of archive) {
    bytes += part.length
    if (bytes > PACKAGE_UNPACKED_BYTES_MAX) throw tooLarge(source, PACKAGE_UNPACKED_BYTES_MAX, "bytes when unpacked")
    yield part
  }
}

async function write(entry: TarEntry, folder: string): Promise<void> {
  const path = join(folder, ...segmentsOf(entry.path))
  if (entry.kind === "folder") {
    await mkdir(path, { recursive: true })
    return
  }
  await mkdir(dirname(path), { recursive: true })
  // Never over something that is there: a name that comes twice is no package of anybody's.
  const file = await open(path, "wx", entry.executable ? 0o755 : 0o644)
  try {
    for await (const part of entry.content) await file.writeFile(part)
  } finally {
    await file.close()
  }
}

/** @returns the parts of a path that stays below the folder it is unpacked to @throws TarTrouble */
function segmentsOf(path: string): string[] {
  // `./` at the head is how some archivers begin every name, the folder's own too.
  const plain = path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "")
  const segments = plain === "" || plain === "." ? [] : plain.split("/")
  const isPlain = (segment: string) =>
    segment !== "" && segment !== "." && segment !== ".." && Buffer.byteLength(segment) <= SEGMENT_BYTES_MAX
  if (path.length <= PATH_LENGTH_MAX && !/[\0\\]/.test(path) && segments.every(isPlain)) return segments
  throw new TarTrouble(`${JSON.stringify(path.slice(0, 200))} is no path below the package`)
}

/** Packages hold one folder; some hold the service itself. */
async function serviceIn(folder: string): Promise<string> {
  const found = await readdir(folder, { withFileTypes: true })
  const [only] = found
  return found.length === 1 && only!.isDirectory() ? join(folder, only!.name) : folder
}
