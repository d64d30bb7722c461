import assert from "node:assert/strict"
import { type SpawnSyncReturns, spawnSync } from "node:child_process"

/** A program of its own, as the alarm ends the one that set it. */
function run(kind: string, body: string): SpawnSyncReturns<string> {
  const url = (file: string) => new URL(`../../../../agent/io/watchdog/${file}.ts`, import.meta.url).href
  const program = `
    const { kernelAlarm } = await import("${url("kernel-alarm")}")
    const { alarmThread } = await import("${url("alarm-thread")}")
    const { startWatchdog } = await import("${url("watchdog")}")
    const alarm = ${kind}(1000)
    const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const standStill = (ms) => { for (const from = performance.now(); performance.now() - from < ms; ); }
    ${body}`
  return spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", timeout: 20_000 })
}

for (const kind of ["kernelAlarm", "alarmThread"]) {
  describe(`watchdog, ${kind}`, () => {
    it("ends a process whose loop stands still", () => {
      const { signal } = run(kind, "alarm.set(); await later(100); standStill(10_000)")
      assert.equal(signal, "SIGALRM")
    })

    it("leaves one alone that sets it in time", () => {
      const { status, signal } = run(
        kind,
        "for (let i = 0; i < 8; i++) { alarm.set(); await later(200) }; process.exit(7)",
      )
      assert.deepEqual([status, signal], [7, null])
    })

    it("is silent once it was stopped", () => {
      const { status, signal } = run(kind, "alarm.set(); await alarm.stop(); standStill(1500); process.exit(7)")
      assert.deepEqual([status, signal], [7, null])
    })
  })
}

describe("watchdog", () => {
  it("sets its alarm again as long as the loop turns, and ends the process when it does not", () => {
    const { stdout, signal } = run("startWatchdog", 'await later(2500); console.log("alive"); standStill(10_000)')
    assert.deepEqual([stdout, signal], ["alive\n", "SIGALRM"])
  })

  it("keeps no process alive that has nothing to do", () => {
    const { status } = run("startWatchdog", "")
    assert.equal(status, 0)
  })
})
