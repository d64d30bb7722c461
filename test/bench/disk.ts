import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { messageOf } from "../../agent/base/errors.ts"
import { type MountedDisk, mountDisk } from "../support/mounted-disk.ts"
import type { Bench } from "./bench.ts"

/** @param name of its folder in that of the bench @returns null where none can be mounted: then its figures are left out */
export function diskOf(bench: Bench, name: string): MountedDisk | null {
  const parent = join(bench.folder, name)
  mkdirSync(parent)
  try {
    const disk = mountDisk(parent)
    bench.after(() => disk.unmount())
    return disk
  } catch (error) {
    bench.note(`no disk can be mounted here, its figures are left out: ${messageOf(error)}`)
    return null
  }
}
