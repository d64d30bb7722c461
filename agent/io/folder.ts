import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"

/**
 * Makes a folder and those above it that are not there, for their owner alone. Every folder of the product is made here:
 * `mkdir` with `recursive` is repeated for ever by Node 26 where a parent refuses with ENOENT, as /proc does.
 * @param mode of each folder that is made, less what the umask takes away
 * @returns whether it was made
 * @throws Error of the system: EACCES, EROFS, ENOENT, ENOTDIR, ENOSPC
 */
export function makeFolder(path: string, mode = 0o700): boolean {
  if (existsSync(path)) return false
  makeFolder(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    return false
  }
}

/** Puts the entries of a folder on the device: what was made, renamed or removed in it. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
