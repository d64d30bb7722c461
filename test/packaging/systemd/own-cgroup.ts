import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs"
import { join, posix } from "node:path"
import { NotHere } from "../../support/debian.ts"

/** A cgroup for one container, in every hierarchy that a systemd works with. */
export interface OwnCgroup {
  /** Into which a process writes its id, to be in it. */
  readonly files: readonly string[]
  /** When everything in it has ended. */
  remove(): void
}

/**
 * systemd-nspawn puts what it boots into one and the same cgroup below that of its caller. Two at once would be in there
 * together: each reads the other's processes as 0 and fails with EIO, and kills what is not its own.
 * @throws NotHere where this machine lets none be made
 */
export function ownCgroup(name: string): OwnCgroup {
  const folders = places().map((place) => join(place, name))
  if (folders.length === 0) throw new NotHere("there is no cgroup for a systemd")
  try {
    for (const folder of folders) mkdirSync(folder)
  } catch (error) {
    throw new NotHere(`no cgroup can be made: ${(error as Error).message}`)
  }
  return {
    files: folders.map((folder) => join(folder, "cgroup.procs")),
    remove() {
      for (const folder of folders) removeTree(folder)
    },
  }
}

/** Where this process is, in cgroup 2 and in systemd's own hierarchy of cgroup 1. */
function places(): string[] {
  const own = readFileSync("/proc/self/cgroup", "utf8")
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n")
  return mounts.flatMap((line) => {
    const [, , , root = "", mounted = ""] = line.split(" ")
    const [type, , options = ""] = line.slice(line.indexOf(" - ") + 3).split(" ")
    const isOfSystemd = type === "cgroup2" || (type === "cgroup" && options.split(",").includes("name=systemd"))
    if (!isOfSystemd) return []
    const path = (type === "cgroup2" ? /^0::(.*)$/m : /^\d+:name=systemd:(.*)$/m).exec(own)?.[1]
    const below = path === undefined ? ".." : posix.relative(root, path)
    return below.startsWith("..") ? [] : [posix.join(mounted, below)]
  })
}

/** A cgroup's files are the kernel's: only the folders are removed, the innermost first. */
function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name))
  }
  rmdirSync(folder)
}
