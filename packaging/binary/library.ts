import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"

/** A file of the bundle: the SHA-256 in hex, and where in the library's bytes it lies. */
interface Carried {
  readonly hash: string
  readonly from: number
  readonly to: number
}

/** The bundle that a binary carries: its files by their paths; one name for all of it. */
export interface Contents {
  readonly id: string
  readonly files: Readonly<Record<string, Carried>>
}

/** Libraries of other versions that stay beside the one that runs: an agent loads parts of its own late. */
const KEPT = 2
/** Another process may unpack at the same time, or a file of the library that is there be damaged. */
const ATTEMPTS_MAX = 3

/** @param files the bytes of each file by its path @returns what they are, and all of their bytes in one piece */
export function packLibrary(files: Readonly<Record<string, Uint8Array>>): { contents: Contents; bytes: Uint8Array } {
  const paths = Object.keys(files).sort()
  let at = 0
  const carried = paths.map((path): [string, Carried] => {
    const from = at
    at += files[path]!.length
    return [path, { hash: sha256(files[path]!), from, to: at }]
  })
  const hashes = Object.fromEntries(carried.map(([path, { hash }]) => [path, hash]))
  const id = sha256(JSON.stringify(hashes)).slice(0, 16)
  return {
    contents: { id, files: Object.fromEntries(carried) },
    bytes: Buffer.concat(paths.map((path) => files[path]!)),
  }
}

/**
 * @returns the library below `folder`, where it is whole, every byte is the binary's and nobody but this user or root could
 * have changed it; else null
 */
export function libraryIn(folder: string, { id, files }: Contents): string | null {
  const library = join(folder, id)
  if (!existsSync(library)) return null
  const folders = new Set([folder, library, ...Object.keys(files).map((path) => dirname(join(library, path)))])
  if (![...folders].every(isOurs)) return null
  const isWhole = Object.entries(files).every(([path, { hash }]) => {
    const file = join(library, path)
    return existsSync(file) && isOurs(file) && sha256(readFileSync(file)) === hash
  })
  return isWhole ? realpathSync(library) : null
}

/**
 * Writes the library below `folder`, which is made for this user alone.
 * @param bytes of the library
 * @returns where it is; two processes that do so at once both find it whole
 * @throws Error where the folder cannot be written or belongs to somebody else
 */
export function unpackLibrary(folder: string, contents: Contents, bytes: () => Uint8Array): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!isOurs(folder)) throw new Error(`others may write to ${folder}`)
  const library = join(folder, contents.id)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const unfinished = mkdtempSync(`${library}.`)
    try {
      // What root unpacks everybody may run.
      chmodSync(unfinished, 0o755)
      const all = bytes()
      for (const [path, { from, to }] of Object.entries(contents.files)) {
        const file = join(unfinished, path)
        mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
        writeFileSync(file, all.subarray(from, to), { mode: 0o644 })
      }
      // A damaged one is moved away first: a folder that is not empty is replaced by none.
      if (existsSync(library)) renameSync(library, `${unfinished}.old`)
      renameSync(unfinished, library)
    } catch (error) {
      // Another process was between the two steps with its own.
      if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
    } finally {
      rmSync(unfinished, { recursive: true, force: true })
      rmSync(`${unfinished}.old`, { recursive: true, force: true })
    }
    const there = libraryIn(folder, contents)
    if (there === null) continue
    forgetOthers(folder, contents.id)
    return there
  }
  throw new Error(`what was written to ${library} is not what is read from it`)
}

/** Nobody but this user and root can have written it. */
function isOurs(path: string): boolean {
  const { uid, mode } = lstatSync(path)
  return (uid === 0 || uid === process.geteuid!()) && (mode & 0o022) === 0
}

function forgetOthers(folder: string, id: string): void {
  const others = readdirSync(folder)
    .filter((name) => /^[0-9a-f]{16}$/.test(name) && name !== id)
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  for (const old of others.slice(KEPT)) rmSync(old, { recursive: true, force: true })
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex")
}
