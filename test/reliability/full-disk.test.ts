import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { tempDir } from "../support/temp-dir.ts"
import type { FullDiskReport } from "./full-disk.ts"

/** A mount that only one process tree sees: for root and, where user namespaces are on, for anyone. */
const MOUNTED = 'mount -t tmpfs -o size=32m none "$1" && shift && exec "$@"'

describe("a disk that another program fills under the running agent", function () {
  this.timeout(180_000)

  it("is answered with a refusal; nothing accepted is lost, and the agent goes on by itself when there is room again", async () => {
    const disk = tempDir("disk")
    const { status } = spawnSync("unshare", ["-rm", "sh", "-c", MOUNTED, "sh", disk, "true"])
    assert.equal(status, 0, "no small disk can be mounted here: run as root, or allow user namespaces")
    const program = fileURLToPath(new URL("./full-disk.ts", import.meta.url))
    const child = spawn("unshare", ["-rm", "sh", "-c", MOUNTED, "sh", disk, process.execPath, program, disk], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let output = ""
    child.stdout.on("data", (chunk) => (output += String(chunk)))
    const [code] = (await once(child, "close")) as [number | null]
    assert.equal(code, 0, output)
    const report = JSON.parse(output.trim().split("\n").at(-1)!) as FullDiskReport
    assert.ok(report.acceptedBefore > 0)
    assert.deepEqual(report.ends, [], "the agent ended")
    assert.ok(report.refusals > 0, "nobody was told that the disk is full")
    assert.deepEqual(report.answer, [429, "OVERLOADED"])
    assert.deepEqual(report.findings, [])
    assert.ok(report.accepted > report.acceptedBefore, "nothing was accepted after there was room again")
  })
})
