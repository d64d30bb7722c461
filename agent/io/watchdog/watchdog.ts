import { kernelAlarm } from "./kernel-alarm.ts"
import { alarmThread } from "./alarm-thread.ts"

/**
 * Ends the process when its main loop stands still, so that whoever keeps it running (systemd, a container engine) starts
 * it again: nothing that was acknowledged is lost. A plugin in the agent's process that loops for ever is ended this way.
 * @param stallMs how long the loop may stand still, ms; whole seconds
 */
export function startWatchdog(stallMs: number): { stop(): Promise<void> } {
  const alarm = kernelAlarm(stallMs) ?? alarmThread(stallMs)
  alarm.set()
  const timer = setInterval(() => alarm.set(), stallMs / 10)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await alarm.stop()
    },
  }
}
