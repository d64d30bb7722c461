import { connect } from "node:net"
import { messageOf } from "./base/errors.ts"
import type { Log } from "./ports/log.ts"
import type { Notify } from "./io/systemd/notify.ts"

/** Looks per period of the manager: one that is late leaves time for another. */
const LOOKS_PER_PERIOD = 3

/**
 * Tells the manager that the agent does its work, as long as it does: the manager ends one that is silent, and starts it
 * again. A failed look is said in the log and in the unit's status.
 * @param periodMs how long the manager waits
 * @param look rejects where the agent does not do its work; given up when it takes longer than a look may
 */
export function startHeartbeat(
  notify: Notify,
  periodMs: number,
  look: (signal: AbortSignal) => Promise<void>,
  log: Log,
): { stop(): void } {
  let isLooking = false
  let isWell = true
  const beat = async () => {
    if (isLooking) return
    isLooking = true
    try {
      await look(AbortSignal.timeout(periodMs / LOOKS_PER_PERIOD))
      if (!isWell) log.info("the agent does its work again")
      isWell = true
      notify("WATCHDOG=1")
    } catch (error) {
      isWell = false
      log.error("the agent does not do its work: its manager is not told that it is alive", { error })
      notify(`STATUS=not well: ${messageOf(error)}`)
    } finally {
      isLooking = false
    }
  }
  const timer = setInterval(() => void beat(), periodMs / LOOKS_PER_PERIOD)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

/** Resolves once the listener of a URL has taken a connection, which is then closed. */
export async function reach(url: string, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), signal })
  socket.once("connect", resolve)
  socket.once("error", (cause) => reject(new Error(`${url} takes no connection: ${messageOf(cause)}`, { cause })))
  try {
    await promise
  } finally {
    socket.destroy()
  }
}
