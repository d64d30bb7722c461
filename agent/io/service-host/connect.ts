import net from "node:net"
import { messageOf } from "../../base/errors.ts"
import { SERVICE_CONNECT_TIMEOUT_MS } from "../../base/limits.ts"
import { ServiceError } from "./service-error.ts"

export interface Target {
  readonly host: string
  readonly port: number
  readonly tls?: boolean
}

/**
 * An open TCP or TLS connection. The signal ends it, also later.
 * @param address where to connect when the name has been resolved already; the name is still the one TLS checks
 * @throws ServiceError NETWORK_FAILED
 */
export async function connectDirectly(target: Target, signal: AbortSignal, address?: string): Promise<net.Socket> {
  const { host, port } = target
  const where = { host: address ?? host, port, noDelay: true }
  const secure = target.tls === true
  // Loaded for those who use it: TLS takes some MB.
  const socket = secure
    ? (await import("node:tls")).connect({ ...where, ...(net.isIP(host) === 0 ? { servername: host } : {}) })
    : net.connect(where)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const abort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"))
  const late = () => socket.destroy(new Error(`no answer within ${SERVICE_CONNECT_TIMEOUT_MS} ms`))
  signal.addEventListener("abort", abort, { once: true })
  socket.once("close", () => signal.removeEventListener("abort", abort))
  socket.once(secure ? "secureConnect" : "connect", resolve)
  socket.once("error", reject)
  socket.setTimeout(SERVICE_CONNECT_TIMEOUT_MS, late)
  if (signal.aborted) abort()
  try {
    await promise
  } catch (cause) {
    const name = `${host}:${port}`
    throw new ServiceError({ code: "NETWORK_FAILED", target: name }, `${name}: ${messageOf(cause)}`, { cause })
  } finally {
    socket.off("error", reject)
  }
  socket.setTimeout(0)
  socket.off("timeout", late)
  return socket
}
