import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

const SECTOR_BYTES = 512
const DISK_BYTES = 2 ** 30

/** An ext4 of its own. */
export interface MountedDisk {
  readonly folder: string
  /** Everything that waits is written. @returns bytes that its device was given so far, those of the journal too */
  written(): number
  unmount(): void
}

/**
 * What reaches the card: sectors that the device of a file system of its own was given. What the kernel says of a process
 * (`write_bytes`) leaves out too much.
 * @param parent a folder for the file that holds it
 * @throws where no disk can be mounted: only root may
 */
export function mountDisk(parent: string): MountedDisk {
  const image = join(parent, "disk.img")
  const folder = join(parent, "disk")
  mkdirSync(folder, { recursive: true })
  writeFileSync(image, "")
  truncateSync(image, DISK_BYTES)
  // All of it now: what the kernel would prepare later, by itself, is nobody's work.
  execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
  const device = execFileSync("losetup", ["-f", "--show", image], { encoding: "utf8", stdio: "pipe" }).trim()
  try {
    execFileSync("mount", [device, folder], { stdio: "pipe" })
  } catch (error) {
    execFileSync("losetup", ["-d", device])
    throw error
  }
  const stat = `/sys/block/${basename(device)}/stat`
  return {
    folder,
    written() {
      execFileSync("sync", ["-f", folder])
      return Number(readFileSync(stat, "utf8").trim().split(/\s+/)[6]) * SECTOR_BYTES
    },
    unmount() {
      execFileSync("umount", [folder])
      execFileSync("losetup", ["-d", device])
    },
  }
}
