import type { Alarm } from "./alarm.ts"

/**
 * alarm(2): the kernel itself ends the process by SIGALRM, whatever its threads do, and it costs no memory. Child
 * processes do not inherit it.
 * @returns null where this Node cannot call C functions
 */
export function kernelAlarm(stallMs: number): Alarm | null {
  const ffi = process.getBuiltinModule("node:ffi")
  if (ffi === undefined) return null
  const { alarm } = ffi.dlopen(null, { alarm: { arguments: ["uint32"], return: "uint32" } }).functions
  const seconds = stallMs / 1000
  return {
    set() {
      alarm(seconds)
    },
    stop() {
      alarm(0)
    },
  }
}
