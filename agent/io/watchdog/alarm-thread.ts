import { Worker } from "node:worker_threads"
import type { Alarm } from "./alarm.ts"

/*
 * It sleeps until the next beat and ends the process when one is overdue. A text, so that it needs no file in the single
 * binary and no compiler.
 */
const THREAD = `
const { beats, stallMs, pid } = process.getBuiltinModule("node:worker_threads").workerData
for (let seen = Atomics.load(beats, 0); ; seen = Atomics.load(beats, 0)) {
  if (Atomics.wait(beats, 0, seen, stallMs) !== "timed-out") continue
  process.kill(pid, "SIGALRM")
}
`

/** A thread of JavaScript, where Node cannot ask the kernel: it costs 10 MB. */
export function alarmThread(stallMs: number): Alarm {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(THREAD, { eval: true, workerData: { beats, stallMs, pid: process.pid } })
  thread.unref()
  return {
    set() {
      Atomics.add(beats, 0, 1)
      Atomics.notify(beats, 0)
    },
    async stop() {
      await thread.terminate()
    },
  }
}
