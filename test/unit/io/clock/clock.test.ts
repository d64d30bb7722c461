import assert from "node:assert/strict"
import { CLOCK_MARK_AHEAD_MS, TIMERS_PER_TURN_MAX } from "../../../../agent/base/limits.ts"
import { SystemClock } from "../../../../agent/io/clock/clock.ts"
import { HandTime } from "../../../support/hand-time.ts"

const START = 1_700_000_000_000

describe("SystemClock", () => {
  it("starts where the home's time had come to when the wall clock is behind it", () => {
    const clock = new SystemClock({ notBeforeMs: START + 5000.2, source: new HandTime(START) })
    assert.equal(clock.now(), START + 5001)
    assert.equal(clock.wall(), START)
  })

  it("that starts ahead of the wall, as after a crash, never goes back, and is with it again soon", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: START + CLOCK_MARK_AHEAD_MS, source: time })
    const fired: number[] = []
    clock.schedule(START + CLOCK_MARK_AHEAD_MS + 500, () => void fired.push(clock.now()))
    let before = clock.now()
    assert.equal(before, START + CLOCK_MARK_AHEAD_MS)
    for (let passed = 0; passed < 2 * CLOCK_MARK_AHEAD_MS; passed += 7) {
      time.advance(7)
      assert.ok(clock.now() > before)
      before = clock.now()
    }
    assert.equal(clock.now(), clock.wall())
    time.advance(10_000)
    assert.equal(clock.now(), clock.wall())
    assert.deepEqual(fired, [START + CLOCK_MARK_AHEAD_MS + 500])
  })

  it("does not wait for a wall that is wrong", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: START + CLOCK_MARK_AHEAD_MS + 1, source: time })
    time.advance(1000)
    assert.equal(clock.now(), START + CLOCK_MARK_AHEAD_MS + 1 + 1000)
  })

  it("asks for one wake-up, however many timers there are", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: 0, source: time })
    for (const at of [50, 10, 90, 5]) clock.schedule(START + at, () => undefined)
    assert.equal(time.waiting, 1)
    time.advance(1000)
    assert.equal(time.waiting, 0)
  })

  it("lets the event loop turn between bounded lots of due timers", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: 0, source: time })
    let fired = 0
    const lots: number[] = []
    for (let i = 0; i < TIMERS_PER_TURN_MAX * 2 + 1; i++) clock.schedule(START + 1, () => fired++)
    const { wake } = time
    time.wake = (delay, action) =>
      wake.call(time, delay, () => {
        const before = fired
        action()
        lots.push(fired - before)
      })
    time.advance(1)
    assert.deepEqual(lots.slice(-2), [TIMERS_PER_TURN_MAX, 1])
    assert.equal(fired, TIMERS_PER_TURN_MAX * 2 + 1)
  })

  it("lets an action that throws be seen, and still fires the others once", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: 0, source: time })
    const fired: string[] = []
    clock.schedule(START + 1, () => fired.push("before"))
    clock.schedule(START + 1, () => {
      throw new Error("seen")
    })
    clock.schedule(START + 1, () => fired.push("after"))
    assert.throws(() => time.advance(1), /seen/)
    time.advance(1)
    assert.deepEqual(fired, ["before", "after"])
  })

  it("fires nothing after stop", () => {
    const time = new HandTime(START)
    const clock = new SystemClock({ notBeforeMs: 0, source: time })
    clock.schedule(START + 1, () => assert.fail("fired"))
    clock.stop()
    clock.schedule(START + 2, () => assert.fail("fired"))
    time.advance(1000)
    assert.equal(time.waiting, 0)
  })

  it("runs by the machine's own time", async () => {
    const clock = new SystemClock({ notBeforeMs: 0 })
    const { promise, resolve } = Promise.withResolvers<number>()
    const due = clock.now() + 20
    clock.schedule(due, () => resolve(clock.now()))
    const keepAlive = setTimeout(() => undefined, 10_000)
    assert.ok((await promise) >= due)
    clearTimeout(keepAlive)
    assert.ok(Math.abs(clock.wall() - Date.now()) < 1000)
  })
})
