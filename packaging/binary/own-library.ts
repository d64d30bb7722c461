import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { getRawAsset } from "node:sea"
import { type Contents, libraryIn, unpackLibrary } from "./library.ts"

/** `mesg --unpack DIR`, as the installer calls it: the library then lies beside the binary, root's, for everybody. */
const UNPACK = "--unpack"

const asset = (name: string) => new Uint8Array(getRawAsset(name))

/** @returns the folder of the library that this binary carries, or null where it was to be unpacked and is */
export function libraryFor(option: string | undefined, operand: string | undefined): string | null {
  const contents = JSON.parse(Buffer.from(asset("contents.json")).toString()) as Contents
  if (option !== UNPACK || operand === undefined)
    return libraryIn(join(dirname(process.execPath), "lib"), contents) ?? ownLibrary(contents)
  mkdirSync(operand, { recursive: true, mode: 0o755 })
  process.stdout.write(`${unpackLibrary(operand, contents, () => asset("library"))}\n`)
  return null
}

function ownLibrary(contents: Contents): string {
  const folder = join(ownCache(), "lib")
  return libraryIn(folder, contents) ?? unpackLibrary(folder, contents, () => asset("library"))
}

/** Under systemd the folder of CacheDirectory=, else the user's. Not /tmp or /run: they may be mounted noexec. */
function ownCache(): string {
  const { CACHE_DIRECTORY: ofUnit, XDG_CACHE_HOME: ofUser, HOME: home } = process.env
  if (ofUnit) return ofUnit.split(":")[0]!
  if (ofUser) return join(ofUser, "mesg")
  if (home) return join(home, ".cache/mesg")
  throw new Error("there is no folder to unpack to: set XDG_CACHE_HOME to one that only you can write to")
}
