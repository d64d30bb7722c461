// The first code of the single binary. The bundle that it carries is run from a folder: threads, confined services and
// lmdb's addon need files. Each file is compared with the hash that the binary holds before any of them is loaded.
// See docs/adr/012-one-file.md.
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { constants, runInThisContext } from "node:vm"
import { RUN_FILE } from "../../agent/base/node-command.ts"

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
    // Nothing of it is made in a child.
    const { libraryFor } = await import("./own-library.ts")
    const library = libraryFor(option, operand)
    if (library !== null) {
      process.argv[1] = program!
      await importFile(pathToFileURL(join(library, "mesg.js")).href)
    }
  } catch (error) {
    process.stderr.write(`mesg: ${(error as Error).message} (BINARY_NOT_UNPACKED)\n`)
    process.exitCode = 1
  }
}
