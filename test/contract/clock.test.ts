import assert from "node:assert/strict"
import { SystemClock } from "../../agent/io/clock/clock.ts"
import type { Clock } from "../../agent/ports/clock.ts"
import { FakeClock } from "../support/fake-clock.ts"
import { HandTime } from "../support/hand-time.ts"

interface Subject {
  readonly clock: Clock
  advance(ms: number): void
  jumpWall(ms: number): void
}

const DAY = 86_400_000
const START = 1_700_000_000_000

function real(): Subject {
  const time = new HandTime(START)
  const clock = new SystemClock({ notBeforeMs: 0, source: time })
  return { clock, advance: (ms) => time.advance(ms), jumpWall: (ms) => time.jumpWall(ms) }
}

function fake(): Subject {
  const clock = new FakeClock(START)
  return { clock, advance: (ms) => clock.advance(ms), jumpWall: (ms) => clock.jumpWall(ms) }
}

for (const [name, make] of [
  ["SystemClock", real],
  ["FakeClock", fake],
] as const) {
  describe(`Clock contract: ${name}`, () => {
    let subject: Subject
    let clock: Clock
    let fired: string[]
    const note = (what: string) => () => {
      fired.push(`${what}@${clock.now() - START}`)
    }

    beforeEach(() => {
      subject = make()
      clock = subject.clock
      fired = []
    })

    it("starts at the wall clock and goes with what has elapsed, in whole ms", () => {
      assert.equal(clock.now(), START)
      const before = clock.elapsed()
      subject.advance(1500)
      assert.equal(clock.now(), START + 1500)
      assert.equal(clock.elapsed() - before, 1500)
      assert.ok(Number.isInteger(clock.now()) && Number.isInteger(clock.wall()))
    })

    for (const [what, jump] of [
      ["a day back", -DAY],
      ["a year ahead", 365 * DAY],
    ] as const)
      it(`shows the wall clock's jump ${what}, and fires, delays and doubles nothing for it`, () => {
        clock.schedule(START + 1000, note("a"))
        clock.schedule(START + 30 * DAY, note("far"))
        subject.advance(500)
        subject.jumpWall(jump)
        assert.equal(clock.wall(), START + 500 + jump)
        assert.equal(clock.now(), START + 500)
        subject.advance(499)
        assert.deepEqual(fired, [])
        subject.advance(1)
        assert.deepEqual(fired, ["a@1000"])
        subject.advance(1000)
        assert.deepEqual(fired, ["a@1000"])
      })

    it("fires in order of time, equal times in the order they were asked for", () => {
      for (const [at, what] of [
        [30, "d"],
        [10, "a"],
        [20, "b"],
        [20, "c"],
        [-5, "past"],
      ] as const)
        clock.schedule(START + at, note(what))
      for (let i = 0; i < 40; i++) subject.advance(1)
      assert.deepEqual(
        fired.map((line) => line.split("@")[0]),
        ["past", "a", "b", "c", "d"],
      )
    })

    it("never fires before its time, and fires a timer of many years", () => {
      const years = 10 * 365 * DAY
      clock.schedule(START + years, note("late"))
      subject.advance(years - 1)
      assert.deepEqual(fired, [])
      subject.advance(1)
      assert.deepEqual(fired, [`late@${years}`])
    })

    it("fires nothing that was cancelled, also by a timer of the same time, and cancels twice without harm", () => {
      const cancelB = clock.schedule(START + 10, note("b"))
      clock.schedule(START + 5, () => {
        cancelB()
        cancelB()
      })
      clock.schedule(START + 10, note("c"))
      subject.advance(5)
      subject.advance(10)
      assert.deepEqual(
        fired.map((line) => line.split("@")[0]),
        ["c"],
      )
    })

    it("lets an action schedule the next", () => {
      const tick = () => {
        fired.push(String(clock.now() - START))
        if (fired.length < 3) clock.schedule(clock.now() + 10, tick)
      }
      clock.schedule(START + 10, tick)
      for (let i = 0; i < 5; i++) subject.advance(10)
      assert.deepEqual(fired, ["10", "20", "30"])
    })

    it("fires ten thousand timers once each, whatever was cancelled between", () => {
      const seen = new Set<number>()
      const cancels: (() => void)[] = []
      for (let i = 0; i < 10_000; i++) cancels.push(clock.schedule(START + ((i * 7919) % 10_000), () => seen.add(i)))
      for (let i = 0; i < 10_000; i += 3) cancels[i]!()
      for (let i = 0; i < 20; i++) subject.advance(1000)
      assert.equal(seen.size, 10_000 - 3334)
      assert.ok([...seen].every((i) => i % 3 !== 0))
    })

    it("refuses a time that is none", () => {
      assert.throws(() => clock.schedule(Number.NaN, note("never")), RangeError)
    })
  })
}
