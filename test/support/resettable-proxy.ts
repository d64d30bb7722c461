import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** A TCP proxy on loopback that can cut everybody who goes through it, as a network does: with a reset, at any byte. */
export interface ResettableProxy {
  readonly port: number
  reset(): void
  close(): Promise<void>
}

export async function startProxy(to: { host: string; port: number }): Promise<ResettableProxy> {
  const sockets = new Set<Socket>()
  const hold = (socket: Socket, other: Socket) => {
    sockets.add(socket)
    // Cut on purpose; the other half goes with it.
    socket.on("error", () => undefined)
    socket.once("close", () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.pipe(other)
  }
  const server = createServer((near) => {
    const far = connect(to.port, to.host)
    hold(near, far)
    hold(far, near)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    reset,
    async close() {
      server.close()
      reset()
      await once(server, "close")
    },
  }
}
