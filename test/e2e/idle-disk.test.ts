import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { onAgent } from "../support/agent.ts"
import { type MountedDisk, mountDisk } from "../support/mounted-disk.ts"
import { NotifySocket } from "../support/notify-socket.ts"
import { scaled } from "../support/scale.ts"
import { tempDir } from "../support/temp-dir.ts"
import { until } from "../support/until.ts"

const BEATS = scaled(4, 120)
/** Of the manager; the agent looks at its store and listeners three times in it. */
const PERIOD_MS = 15_000

/** When each file was written. What waits is written now, so that the next change of a mapped page shows, too. */
function written(home: string): Record<string, number> {
  execFileSync("sync", ["-f", home])
  const paths = readdirSync(home, { recursive: true, encoding: "utf8" }).sort()
  return Object.fromEntries(paths.map((path) => [path, lstatSync(join(home, path)).mtimeMs]))
}

/** @returns null where none can be mounted, as without root's rights: then the files alone are looked at */
function ownDisk(parent: string): MountedDisk | null {
  try {
    return mountDisk(parent)
  } catch {
    return null
  }
}

describe("an agent to which nothing happens", function () {
  this.timeout(60_000 + BEATS * PERIOD_MS)

  it("writes nothing to its disk, whatever it looks at itself", async () => {
    const parent = tempDir("idle")
    const disk = ownDisk(parent)
    const home = join(disk?.folder ?? parent, "home")
    mkdirSync(home)
    const manager = await NotifySocket.open()
    const beats = () => manager.messages.filter((message) => message === "WATCHDOG=1").length
    try {
      // A copy a minute after the start is no idleness.
      const sets = ["store.copies=0"]
      const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: `${PERIOD_MS * 1000}` }
      await onAgent({ home, sets, env }, async () => {
        await until(() => beats() >= 1, PERIOD_MS * 4, "its first look at itself")
        const before = { files: written(home), bytes: disk?.written() }
        await until(() => beats() > BEATS, BEATS * PERIOD_MS, "its looks at itself")
        assert.deepEqual({ files: written(home), bytes: disk?.written() }, before)
      })
    } finally {
      await manager.close()
      disk?.unmount()
    }
  })
})
