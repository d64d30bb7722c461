import { Cron } from "croner"
import { sunTime } from "./sun.ts"

export interface Schedule {
  readonly cron?: string
  readonly timezone?: string
  readonly everyMs?: number
  readonly at?: string
  readonly sun?: "sunrise" | "sunset"
  readonly latitude?: number
  readonly longitude?: number
  readonly offsetMs?: number
  readonly missed?: "once" | "skip"
}

/** The times of a schedule, ms since 1970. */
export interface Times {
  /** The first one after that time, null where none is left. */
  after(ms: number): number | null
  /** The last one that is not after `nowMs`; `due` is one such. */
  latest(due: number, nowMs: number): number
}

const DAY_MS = 86_400_000
/** Beyond the polar circle the sun may not rise for half a year. */
const SUN_DAYS_MAX = 200

/** @throws where the schedule says nothing that can be computed */
export function timesOf(schedule: Schedule): Times {
  if (schedule.cron !== undefined) return cronTimes(schedule.cron, schedule.timezone)
  if (schedule.everyMs !== undefined) return intervalTimes(schedule.everyMs)
  if (schedule.at !== undefined) return onceAt(Date.parse(schedule.at))
  return sunTimes(schedule)
}

function cronTimes(pattern: string, timezone: string | undefined): Times {
  const cron = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) })
  if (cron.nextRun() === null) throw new Error(`${pattern} never comes`)
  return {
    after: (ms) => cron.nextRun(new Date(ms))?.getTime() ?? null,
    // Before `nowMs` itself is what croner gives: one second on, the granularity of cron.
    latest: (due, nowMs) => Math.max(due, cron.previousRuns(1, new Date(nowMs + 1000))[0]?.getTime() ?? due),
  }
}

function intervalTimes(everyMs: number): Times {
  return {
    after: (ms) => (Math.floor(ms / everyMs) + 1) * everyMs,
    latest: (_due, nowMs) => Math.floor(nowMs / everyMs) * everyMs,
  }
}

function onceAt(atMs: number): Times {
  return { after: (ms) => (ms < atMs ? atMs : null), latest: () => atMs }
}

function sunTimes({ sun, latitude, longitude, offsetMs = 0 }: Schedule): Times {
  if (sun === undefined || latitude === undefined || longitude === undefined) {
    throw new Error("one of cron, everyMs, at, or sun with latitude and longitude is needed")
  }
  const onDay = (day: number) => {
    const ms = sunTime(sun, day * DAY_MS, latitude, longitude)
    return ms === null ? null : ms + offsetMs
  }
  return {
    after(ms) {
      const first = Math.floor(ms / DAY_MS) - 2
      for (let day = first; day < first + SUN_DAYS_MAX; day++) {
        const time = onDay(day)
        if (time !== null && time > ms) return time
      }
      return null
    },
    latest(due, nowMs) {
      for (let day = Math.floor(nowMs / DAY_MS) + 2; day * DAY_MS > due - 2 * DAY_MS; day--) {
        const time = onDay(day)
        if (time !== null && time <= nowMs) return Math.max(time, due)
      }
      return due
    },
  }
}
