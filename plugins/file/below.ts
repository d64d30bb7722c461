import { constants } from "node:fs"
import { type FileHandle, mkdir, open } from "node:fs/promises"

/** Why a path is not touched: an expected outcome of a task. */
export class Refused extends Error {}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** A folder below a root, held open: names in it cannot be led elsewhere by a link that somebody puts there meanwhile. */
export interface Place {
  /** The folder's entry, as a path that stays true. */
  at(name: string): string
  readonly folder: FileHandle
  /** The last part of the path. */
  readonly name: string
}

/** @returns the parts of a path, or why it is none below a root @throws Refused */
export function partsOf(path: string): readonly string[] {
  const parts = path.split("/")
  const bad = parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"))
  if (bad) throw new Refused(`${path} is no path below a root`)
  return parts
}

/**
 * Opens the folder of a path, part by part and never through a link, and hands it to `work`.
 * @throws Refused; ENOENT where a folder is missing and `make` is false
 */
export async function below<Value>(
  root: string,
  path: string,
  make: boolean,
  work: (place: Place) => Promise<Value>,
): Promise<Value> {
  const parts = partsOf(path)
  // The root itself may be a link: the owner named it.
  let folder = await open(root, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    for (const part of parts.slice(0, -1)) {
      const inner = await openFolder(folder, part, make, path)
      await folder.close()
      folder = inner
    }
    const held = folder
    return await work({ at: (name) => entry(held, name), folder: held, name: parts.at(-1)! })
  } finally {
    await folder.close()
  }
}

/** Linux resolves this at the open folder, wherever its path leads by now. */
function entry(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`
}

async function openFolder(folder: FileHandle, part: string, make: boolean, path: string): Promise<FileHandle> {
  if (make) {
    await mkdir(entry(folder, part)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error
    })
  }
  try {
    return await open(entry(folder, part), FOLDER)
  } catch (error) {
    throw isLink(error) ? new Refused(`${path}: ${part} is a link or no folder`) : error
  }
}

export function isLink(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === "ELOOP" || code === "ENOTDIR"
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT"
}
