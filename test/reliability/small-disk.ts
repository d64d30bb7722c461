import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, truncateSync, writeSync } from "node:fs"
import assert from "node:assert/strict"
import { tempDir } from "../support/temp-dir.ts"

/** A mount that only one process tree sees: for root and, where user namespaces are on, for anyone. */
const MOUNTED = 'mount -t tmpfs -o size=32m none "$1" && shift && exec "$@"'

/** Runs a program on a file system of 32 MiB of its own, which is its argument. @returns the last line it says, parsed */
export async function onSmallDisk<Report>(program: string): Promise<Report> {
  const disk = tempDir("disk")
  const { status } = spawnSync("unshare", ["-rm", "sh", "-c", MOUNTED, "sh", disk, "true"])
  assert.equal(status, 0, "no small disk can be mounted here: run as root, or allow user namespaces")
  const child = spawn("unshare", ["-rm", "sh", "-c", MOUNTED, "sh", disk, process.execPath, program, disk], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let output = ""
  child.stdout.on("data", (chunk) => (output += String(chunk)))
  const [code] = (await once(child, "close")) as [number | null]
  assert.equal(code, 0, output)
  return JSON.parse(output.trim().split("\n").at(-1)!) as Report
}

/** Another program takes all that is left of the disk, but for `leftBytes`. */
export function fillDisk(path: string, leftBytes = 0): void {
  const file = openSync(path, "a")
  const page = Buffer.alloc(4096)
  let bytes = 0
  try {
    for (;;) bytes += writeSync(file, page)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
  } finally {
    closeSync(file)
  }
  truncateSync(path, Math.max(0, bytes - leftBytes))
}
