// The first code of the single binary. The bundle that it carries is run from a folder: threads, confined services and
// lmdb's addon need files. Each file is compared with the hash that the binary holds before any of them is loaded.
// See docs/adr/012-one-file.md.
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { getRawAsset } from "node:sea"
import { pathToFileURL } from "node:url"
import { constants, runInThisContext } from "node:vm"
import { RUN_FILE } from "../../agent/base/node-command.ts"
import { type Contents, libraryIn, unpackLibrary } from "./library.ts"

/** `mesg --unpack DIR`, as the installer calls it: the library then lies beside the binary, root's, for everybody. */
const UNPACK = "--unpack"

const asset = (path: string) => new Uint8Array(getRawAsset(path))

/** A plain `import()` of a file fails in a single executable; one made through vm with the default loader does not. */
const importFile = runInThisContext("(url) => import(url)", {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as (url: string) => Promise<unknown>

// Node repeats the program's name in argv[1], where a file that is run finds its own.
const [program, , option, operand] = process.argv
if (option === RUN_FILE && operand !== undefined) {
  process.argv.splice(1, 3, operand)
  await importFile(pathToFileURL(operand).href)
} else {
  try {
    const contents = JSON.parse(Buffer.from(asset("contents.json")).toString()) as Contents
    if (option === UNPACK && operand !== undefined) {
      mkdirSync(operand, { recursive: true, mode: 0o755 })
      process.stdout.write(`${unpackLibrary(operand, contents, asset)}\n`)
    } else {
      const library = libraryIn(join(dirname(process.execPath), "lib"), contents) ?? ownLibrary(contents)
      process.argv[1] = program!
      await importFile(pathToFileURL(join(library, "mesg.js")).href)
    }
  } catch (error) {
    process.stderr.write(`mesg: ${(error as Error).message} (BINARY_NOT_UNPACKED)\n`)
    process.exitCode = 1
  }
}

function ownLibrary(contents: Contents): string {
  const folder = join(ownCache(), "lib")
  return libraryIn(folder, contents) ?? unpackLibrary(folder, contents, asset)
}

/** Under systemd the folder of CacheDirectory=, else the user's. Not /tmp or /run: they may be mounted noexec. */
function ownCache(): string {
  const { CACHE_DIRECTORY: ofUnit, XDG_CACHE_HOME: ofUser, HOME: home } = process.env
  if (ofUnit) return ofUnit.split(":")[0]!
  if (ofUser) return join(ofUser, "mesg")
  if (home) return join(home, ".cache/mesg")
  throw new Error("there is no folder to unpack to: set XDG_CACHE_HOME to one that only you can write to")
}
