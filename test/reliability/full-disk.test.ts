import assert from "node:assert/strict"
import { fileURLToPath } from "node:url"
import type { FullDiskReport } from "./full-disk.ts"
import type { FullDiskStartReport } from "./full-disk-start.ts"
import { onSmallDisk } from "./small-disk.ts"

const programOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

describe("a disk that another program fills under the running agent", function () {
  this.timeout(180_000)

  it("is answered with a refusal; nothing accepted is lost, and the agent goes on by itself when there is room again", async () => {
    const report = await onSmallDisk<FullDiskReport>(programOf("./full-disk.ts"))
    assert.ok(report.acceptedBefore > 0)
    assert.deepEqual(report.ends, [], "the agent ended")
    assert.ok(report.refusals > 0, "nobody was told that the disk is full")
    assert.deepEqual(report.answer, [429, "OVERLOADED"])
    assert.deepEqual(report.findings, [])
    assert.ok(report.accepted > report.acceptedBefore, "nothing was accepted after there was room again")
  })
})

describe("an agent that is started on a full disk", function () {
  this.timeout(180_000)

  it("says so in one error where it cannot even say where it is, else it starts, shows and refuses", async () => {
    const report = await onSmallDisk<FullDiskStartReport>(programOf("./full-disk-start.ts"))
    assert.match(report.refusal, /ended with 1 before it was ready/)
    assert.match(report.refusal, /STORE_NOT_WRITABLE/)
    assert.match(report.refusal, /no space left on device/)
    assert.equal(report.refusal.match(/"level":"error"|^error/gim)?.length ?? 1, 1, report.refusal)
    assert.equal(report.shown, 20)
    assert.ok(report.taken > 0, "what the file had room for was not taken")
    assert.deepEqual(report.answer, [429, "OVERLOADED"])
    assert.equal(report.stopped, 0)
    assert.ok(report.ended >= 20 + report.taken, `${report.ended} effects of ${20 + report.taken} executions`)
  })
})
