import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { tempDir } from "../support/temp-dir.ts"

let built: string | null = null

/** Compiles recorder.c with the system's gcc, once a process. @returns the library to preload */
export function recorderLibrary(): string {
  if (built) return built
  const library = join(tempDir("recorder"), "recorder.so")
  const source = fileURLToPath(new URL("./recorder.c", import.meta.url))
  execFileSync("gcc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"])
  built = library
  return library
}
