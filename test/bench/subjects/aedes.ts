import { createServer, type Socket } from "node:net"
import { Aedes } from "aedes"

/* The peer of our broker: aedes as it is, with what Node 26 needs to read all that a socket holds. No guard, no ACL. */
const aedes = await Aedes.createBroker()

function readsAll(socket: Socket): Socket {
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    // Node itself asks for nothing, to have more read.
    if (size === 0) return read(0) as Buffer | null
    const chunks: Buffer[] = []
    for (let chunk = read() as Buffer | null; chunk !== null; chunk = read() as Buffer | null) chunks.push(chunk)
    return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? null)
  }
  return socket
}

const server = createServer({ noDelay: true }, (socket) => {
  // The driver leaves without a word; that is no error of the peer.
  socket.on("error", () => socket.destroy())
  aedes.handle(readsAll(socket))
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send!(typeof address === "object" ? address?.port : null)
})
process.on("disconnect", () => process.exit(0))
