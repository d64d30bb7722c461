import { defineService, pause, type ServiceContext } from "../../agent/sdk.ts"
import { type Schedule, type Times, timesOf } from "./times.ts"

interface Config {
  readonly schedules: Readonly<Record<string, Schedule>>
}

/** Later than this it was missed: the gateway was off, or its clock was set. */
const MISSED_AFTER_MS = 60_000
/** A timer is looked at again at least so often, as the wall clock may be set meanwhile. */
const LOOK_MS_MAX = 30_000
const REMEDY = "mesg service configure timer --config '{\"schedules\": {...}}', with all of them"
const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000]

/** One schedule: waits for its next time, reports it, remembers it. */
async function follow(ctx: ServiceContext<Config>, name: string, schedule: Schedule, times: Times): Promise<void> {
  const key = `last/${name}`
  const kept = await ctx.store.get(key)
  // A schedule that is seen for the first time begins now; nothing before it was missed.
  let last = typeof kept === "number" ? kept : Date.now()
  if (kept === undefined) await ctx.store.set(key, last)
  while (!ctx.signal.aborted) {
    // After a clock that was set back, times come again; the ids of those events are known, and they are recognised.
    last = Math.min(last, Date.now())
    const due = times.after(last)
    if (due === null) return
    if (Date.now() < due) {
      await pause(Math.min(due - Date.now(), LOOK_MS_MAX), ctx.signal)
      continue
    }
    const scheduledMs = times.latest(due, Date.now())
    const missed = Date.now() - scheduledMs > MISSED_AFTER_MS
    if (!missed || schedule.missed !== "skip") await report(ctx, name, scheduledMs, missed)
    if (ctx.signal.aborted) return
    // After the event is durable: a crash in between repeats it under the same id.
    await ctx.store.set(key, scheduledMs)
    last = scheduledMs
  }
}

async function report(ctx: ServiceContext<Config>, name: string, scheduledMs: number, missed: boolean): Promise<void> {
  const data = { name, scheduled: new Date(scheduledMs).toISOString(), missed }
  for (let attempt = 0; !ctx.signal.aborted; attempt++) {
    try {
      return await ctx.emit("fired", data, { id: `${name}.${scheduledMs}` })
    } catch (error) {
      if (ctx.signal.aborted) return
      const waitMs = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0
      ctx.log.warn("the agent takes no event now", { name, reason: String(error), waitMs })
      await pause(waitMs, ctx.signal)
    }
  }
}

export default defineService<Config>({
  start(ctx) {
    for (const [name, schedule] of Object.entries(ctx.config.schedules)) {
      let times: Times
      try {
        times = timesOf(schedule)
      } catch (error) {
        // Only this one is out: the others have their times.
        const reason = error instanceof Error ? error.message : String(error)
        ctx.log.warn("a schedule cannot be understood, so it never fires", { schedule: name, reason, remedy: REMEDY })
        continue
      }
      follow(ctx, name, schedule, times).catch((error: unknown) => {
        if (!ctx.signal.aborted) throw error
      })
    }
  },
})
