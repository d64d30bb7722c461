import { START_SILENCE_MAX_MS } from "../../base/limits.ts"

/** What a service of `Type=notify` tells systemd, sd_notify(3). */
export interface Notify {
  /** @returns whether it was taken: the socket's queue may be full */
  (...states: readonly `${"READY" | "STOPPING" | "WATCHDOG" | "STATUS" | "EXTEND_TIMEOUT_USEC"}=${string}`[]): boolean
}

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
/** A manager that does not read must not hold up the main loop, nor end the process. */
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000

/**
 * Node has no datagrams of UNIX: the C library's are called.
 * @returns null where no manager listens, or this Node cannot call C functions
 */
export function systemdNotify(env: Readonly<Record<string, string | undefined>>): Notify | null {
  const path = env["NOTIFY_SOCKET"]
  const ffi = process.getBuiltinModule("node:ffi")
  if (!path || ffi === undefined) return null
  const { socket, sendto } = ffi.dlopen(null, {
    socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
    sendto: { arguments: ["int32", "buffer", "uint64", "int32", "buffer", "uint32"], return: "int64" },
  }).functions
  const descriptor = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  const family = Buffer.alloc(2)
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX
  // A name that begins with @ is in no file system: its first byte is 0.
  const address = Buffer.concat([family, Buffer.from(path.replace(/^@/, "\0"))])
  return (...states) => {
    const text = Buffer.from(states.map((state) => state.replaceAll("\n", " ")).join("\n"))
    return sendto(descriptor, text, BigInt(text.length), MSG_DONTWAIT_NOSIGNAL, address, address.length) >= 0n
  }
}

/**
 * What a start is at. The manager waits on for one that goes on, and so does install.sh: it takes a start that has been
 * silent for 15 s for one that hangs.
 */
export function startProgress(notify: Notify | null): (doing: string) => void {
  return (doing) => notify?.(`STATUS=${doing}`, `EXTEND_TIMEOUT_USEC=${START_SILENCE_MAX_MS * 1000}`)
}

/** @returns how often the manager wants to hear of this process, ms; null where it does not wait for that */
export function watchdogMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | null {
  const microseconds = Number(env["WATCHDOG_USEC"])
  const isForUs = env["WATCHDOG_PID"] === undefined || env["WATCHDOG_PID"] === String(pid)
  return microseconds > 0 && isForUs ? microseconds / 1000 : null
}
