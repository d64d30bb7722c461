import assert from "node:assert/strict"
import { START_SILENCE_MAX_MS } from "../../../../agent/base/limits.ts"
import { startProgress, systemdNotify, watchdogMs } from "../../../../agent/io/systemd/notify.ts"
import { NotifySocket } from "../../../support/notify-socket.ts"
import { until } from "../../../support/until.ts"

describe("telling systemd", () => {
  for (const path of [undefined, `@mesg-notify-${process.pid}`]) {
    it(`arrives by a socket ${path === undefined ? "in the file system" : "of an abstract name"}`, async () => {
      const socket = await NotifySocket.open(path)
      const notify = systemdNotify({ NOTIFY_SOCKET: socket.path })!
      assert.equal(notify("READY=1", "STATUS=two\nlines"), true)
      assert.equal(notify("STOPPING=1"), true)
      await until(() => socket.messages.length === 2, 10_000, "both")
      assert.deepEqual(socket.messages, ["READY=1\nSTATUS=two lines", "STOPPING=1"])
      await socket.close()
    })
  }

  it("tells what a start is at, and asks for time to go on with it", async () => {
    const socket = await NotifySocket.open()
    startProgress(systemdNotify({ NOTIFY_SOCKET: socket.path }))("checks the store: 40 %")
    await until(() => socket.messages.length === 1, 10_000, "the word")
    assert.deepEqual(socket.messages, [
      `STATUS=checks the store: 40 %\nEXTEND_TIMEOUT_USEC=${START_SILENCE_MAX_MS * 1000}`,
    ])
    await socket.close()
    assert.doesNotThrow(() => startProgress(null)("nobody hears it"))
  })

  it("says so where nobody takes it, and holds nothing up", () => {
    assert.equal(systemdNotify({ NOTIFY_SOCKET: "/no/such/socket" })!("READY=1"), false)
  })

  it("is nothing where no manager listens", () => {
    assert.equal(systemdNotify({}), null)
    assert.equal(systemdNotify({ NOTIFY_SOCKET: "" }), null)
  })
})

describe("the watchdog of systemd", () => {
  const cases = [
    { name: "waits as long as it says", env: { WATCHDOG_USEC: "30000000" }, ms: 30_000 },
    { name: "waits for this process", env: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, ms: 30_000 },
    { name: "waits for another process", env: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, ms: null },
    { name: "is off", env: {}, ms: null },
    { name: "is set to nothing", env: { WATCHDOG_USEC: "0" }, ms: null },
  ]
  for (const { name, env, ms } of cases) it(name, () => assert.equal(watchdogMs(env, 7), ms))
})
