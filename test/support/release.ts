import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { ROOT } from "./sources.ts"
import { tempDir } from "./temp-dir.ts"

/** The version of {@link servedRelease}. */
export const RELEASED = "0.1.0"

let made: string | undefined

/**
 * A release of these sources for both architectures, packed quickly; made once for all tests of a process.
 * @returns its folder, as it is served; who changes something changes a copy
 */
export function servedRelease(): string {
  if (made !== undefined) return made
  const folder = join(tempDir("release"), RELEASED)
  const env = { ...process.env, MESG_RELEASE_LEVEL: "0" }
  const words = [join(ROOT, "packaging/release.ts"), "x64", "arm64", "--version", RELEASED, "--folder", folder]
  execFileSync(process.execPath, words, { env, stdio: "pipe" })
  made = folder
  return folder
}
