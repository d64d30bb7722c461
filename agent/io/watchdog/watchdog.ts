import { Worker } from "node:worker_threads"

/*
 * The thread: it sleeps until the next beat and ends the process when one is overdue. A text, so that it needs no file in
 * the single binary and no compiler: it costs a thread and little more.
 */
const THREAD = `
const { beats, stallMs, pid } = require("node:worker_threads").workerData
for (let seen = Atomics.load(beats, 0); ; seen = Atomics.load(beats, 0)) {
  if (Atomics.wait(beats, 0, seen, stallMs) !== "timed-out") continue
  require("node:fs").writeSync(2, "mesg: the main loop stood still for " + stallMs + " ms; ending the process (WATCHDOG)\\n")
  process.kill(pid, "SIGKILL")
}
`

/**
 * Ends the process when its main loop stands still, so that whoever keeps it running (systemd, a container engine) starts
 * it again: nothing that was acknowledged is lost. A plugin in the agent's process that loops for ever is ended this way.
 * @param stallMs how long the loop may stand still, ms
 */
export function startWatchdog(stallMs: number): { stop(): Promise<void> } {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(THREAD, { eval: true, workerData: { beats, stallMs, pid: process.pid } })
  thread.unref()
  const timer = setInterval(() => {
    Atomics.add(beats, 0, 1)
    Atomics.notify(beats, 0)
  }, stallMs / 10)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await thread.terminate()
    },
  }
}
