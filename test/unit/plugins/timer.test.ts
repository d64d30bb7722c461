import assert from "node:assert/strict"
import { sunTime } from "../../../plugins/timer/sun.ts"
import { type Schedule, timesOf } from "../../../plugins/timer/times.ts"
import { type Plugin, recordingPlugin, runPlugin } from "../../support/run-plugin.ts"
import { RecordingBridge } from "../../support/service-bridge.ts"

const at = (text: string) => Date.parse(text)
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

describe("the service timer", function () {
  this.timeout(20_000)

  describe("knows the times of", () => {
    const berlin = { cron: "30 2 * * *", timezone: "Europe/Berlin" }
    const cases: { name: string; schedule: Schedule; after: string; next: string | null }[] = [
      {
        name: "cron",
        schedule: { cron: "0 7 * * MON-FRI", timezone: "UTC" },
        after: "2026-11-20T07:00:00Z",
        next: "2026-11-23T07:00:00.000Z",
      },
      {
        name: "cron with seconds",
        schedule: { cron: "*/15 * * * * *", timezone: "UTC" },
        after: "2026-11-20T07:00:15Z",
        next: "2026-11-20T07:00:30.000Z",
      },
      { name: "cron in a timezone", schedule: berlin, after: "2026-07-01T00:00:00Z", next: "2026-07-01T00:30:00.000Z" },
      {
        name: "cron in the hour that comes twice: once",
        schedule: berlin,
        after: "2026-10-25T00:30:00Z",
        next: "2026-10-26T01:30:00.000Z",
      },
      {
        name: "an interval, counted from 1970",
        schedule: { everyMs: 60_000 },
        after: "2026-11-20T07:00:30Z",
        next: "2026-11-20T07:01:00.000Z",
      },
      {
        name: "an interval, from one of its own times",
        schedule: { everyMs: 60_000 },
        after: "2026-11-20T07:01:00Z",
        next: "2026-11-20T07:02:00.000Z",
      },
      {
        name: "a date",
        schedule: { at: "2030-01-01T00:00:00Z" },
        after: "2026-11-20T07:00:00Z",
        next: "2030-01-01T00:00:00.000Z",
      },
      {
        name: "a date that has passed",
        schedule: { at: "2020-01-01T00:00:00Z" },
        after: "2026-11-20T07:00:00Z",
        next: null,
      },
    ]
    for (const { name, schedule, after, next } of cases) {
      it(name, () => assert.equal(iso(timesOf(schedule).after(at(after))), next))
    }

    // Almanac (NOAA solar calculator), to the minute.
    const sun: [string, "sunrise" | "sunset", number, number, string, string | null][] = [
      ["Berlin in summer", "sunrise", 52.52, 13.405, "2026-06-21", "2026-06-21T02:43:00Z"],
      ["Berlin in summer", "sunset", 52.52, 13.405, "2026-06-21", "2026-06-21T19:33:00Z"],
      ["Sydney in winter", "sunrise", -33.87, 151.21, "2026-06-21", "2026-06-20T21:00:00Z"],
      ["Quito", "sunset", -0.18, -78.47, "2026-03-20", "2026-03-20T23:24:00Z"],
      ["Tromsø in midsummer", "sunset", 69.65, 18.96, "2026-06-21", null],
    ]
    for (const [place, kind, latitude, longitude, day, expected] of sun) {
      it(`${kind} in ${place}${expected === null ? ": none" : ""}`, () => {
        const found = [-1, 0, 1]
          .map((days) => sunTime(kind, at(day) + days * 86_400_000, latitude, longitude))
          .filter((ms) => ms !== null)
        if (expected === null) return assert.deepEqual(found, [])
        const nearest = Math.min(...found.map((ms) => Math.abs(ms - at(expected))))
        assert.ok(nearest < 4 * 60_000, `${nearest / 60_000} minutes off: ${found.map(iso).join(", ")}`)
      })
    }

    it("the sun's next event, after the polar night too", () => {
      const times = timesOf({ sun: "sunrise", latitude: 69.65, longitude: 18.96 })
      const next = times.after(at("2026-12-10T00:00:00Z"))
      assert.ok(
        next !== null && next > at("2027-01-05T00:00:00Z") && next < at("2027-01-25T00:00:00Z"),
        String(iso(next)),
      )
    })

    for (const schedule of [
      { cron: "0 7 * * *", timezone: "UTC" },
      { everyMs: 3_600_000 },
      { sun: "sunset", latitude: 52, longitude: 13 },
    ] as Schedule[]) {
      it(`the latest one that has passed: ${JSON.stringify(schedule)}`, () => {
        const times = timesOf(schedule)
        const now = at("2026-11-20T09:10:11Z")
        const first = times.after(at("2026-11-01T00:00:00Z"))!
        const latest = times.latest(first, now)
        assert.ok(latest > first && latest <= now)
        assert.ok(times.after(latest)! > now, "none lies between")
      })
    }
  })

  describe("running", () => {
    let plugin: Plugin<RecordingBridge> | undefined
    afterEach(() => plugin?.stop())
    const datas = (bridge: RecordingBridge) =>
      bridge.events.map((event) => event.data as { name: string; scheduled: string; missed: boolean })

    it("fires at each time, with an id that names schedule and time, and remembers it", async () => {
      plugin = await recordingPlugin("timer", { schedules: { tick: { everyMs: 1000 } } })
      const { bridge } = plugin
      await bridge.until(() => bridge.events.length === 2, "two ticks")
      for (const [i, { id }] of bridge.events.entries()) {
        const { scheduled, missed, name } = datas(bridge)[i]!
        assert.equal(id, `tick.${at(scheduled)}`)
        assert.deepEqual([name, missed, at(scheduled) % 1000], ["tick", false, 0])
      }
      assert.equal(at(datas(bridge)[1]!.scheduled) - at(datas(bridge)[0]!.scheduled), 1000)
      await bridge.until(() => bridge.stored.get("last/tick") === at(datas(bridge)[1]!.scheduled), "remembered")
    })

    const hour = 3_600_000
    for (const missed of ["once", "skip"] as const) {
      it(`times missed while it was off: ${missed}`, async () => {
        const bridge = new RecordingBridge()
        const lastHour = Math.floor(Date.now() / hour) * hour
        bridge.stored.set("last/hourly", lastHour - 10 * hour)
        plugin = await runPlugin("timer", { schedules: { hourly: { everyMs: hour, missed } } }, bridge)
        await bridge.until(() => bridge.stored.get("last/hourly") === lastHour, "caught up")
        const late = Date.now() - lastHour > 60_000
        const told = [{ name: "hourly", scheduled: new Date(lastHour).toISOString(), missed: late }]
        assert.deepEqual(datas(bridge), missed === "once" || !late ? told : [])
      })
    }

    it("a crash between the event and its memory repeats the event under the same id", async () => {
      const bridge = new RecordingBridge()
      bridge.stored.set("last/hourly", Math.floor(Date.now() / hour) * hour - hour)
      const storeSet = bridge.storeSet.bind(bridge)
      bridge.storeSet = () => new Promise(() => undefined)
      const schedules = { hourly: { everyMs: hour } }
      const first = await runPlugin("timer", { schedules }, bridge)
      await bridge.until(() => bridge.events.length === 1, "told")
      await first.stop()
      bridge.storeSet = storeSet
      plugin = await runPlugin("timer", { schedules }, bridge)
      await bridge.until(() => bridge.events.length === 2, "told again")
      assert.equal(bridge.events[0]?.id, bridge.events[1]?.id)
    })

    it("after a clock that ran ahead it goes on at once, not when the clock gets there", async () => {
      const bridge = new RecordingBridge()
      bridge.stored.set("last/tick", Date.now() + 365 * 24 * hour)
      plugin = await runPlugin("timer", { schedules: { tick: { everyMs: 1000 } } }, bridge)
      await bridge.until(() => bridge.events.length === 1, "a tick", 5000)
    })

    it("a schedule that can never come is named; the others have their times", async () => {
      const bad = {
        leap: { cron: "0 0 30 2 *" },
        wild: { cron: "61 * * * *" },
        lost: { cron: "0 7 * * *", timezone: "X/Y" },
      }
      plugin = await recordingPlugin("timer", { schedules: { ...bad, tick: { everyMs: 1000 } } })
      const { bridge } = plugin
      await bridge.until(() => bridge.events.length === 1, "the tick of the good one")
      const warned = bridge.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields["schedule"])
      assert.deepEqual(warned, Object.keys(bad))
      assert.equal(bridge.lines[0]?.fields["reason"], "0 0 30 2 * never comes")
    })
  })
})
