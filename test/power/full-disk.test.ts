import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { tempDir } from "../support/temp-dir.ts"

describe("a full disk", function () {
  this.timeout(60_000)

  it("refuses new work before the device does, empties itself, and comes back when another program took the rest", () => {
    const dir = tempDir("disk")
    // A mount that only this process tree sees: works for root and, where user namespaces are on, for anyone.
    const program = fileURLToPath(new URL("./full-disk.ts", import.meta.url))
    const script = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" "$3" "$1"'
    const run = spawnSync("unshare", ["-rm", "sh", "-c", script, "sh", dir, process.execPath, program], {
      encoding: "utf8",
    })
    assert.equal(run.status, 0, run.stderr)
    const told = JSON.parse(run.stdout.trim().split("\n").at(-1)!) as Record<string, unknown>
    assert.equal(told["refusal"], "QUOTA")
    assert.equal(told["failedWhenFull"], false)
    assert.ok((told["filled"] as number) > 400, `${String(told["filled"])} blocks fit on the disk`)
    assert.ok(["QUOTA", "WRITE_FAILED"].includes(told["ending"] as string), String(told["ending"]))
    assert.ok((told["endedMs"] as number) < 5000)
    assert.equal(told["found"], told["kept"])
    assert.equal(told["recovered"], null)
    assert.equal(told["unhandled"], 0)
  })
})
