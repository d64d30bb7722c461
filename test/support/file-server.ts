import { once } from "node:events"
import { createReadStream, statSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join, normalize } from "node:path"
import { pipeline } from "node:stream/promises"

/** A server of static files that keeps what it was asked for. */
export interface FileServer {
  readonly url: string
  /** The paths, in the order of the requests. */
  readonly asked: string[]
  close(): Promise<void>
}

/**
 * @param folder what is served, below the loopback address
 * @param isCut of a path: half of the file comes, then the connection ends
 */
export async function serveFiles(folder: string, isCut: (path: string) => boolean = () => false): Promise<FileServer> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://localhost").pathname)
    asked.push(path)
    const file = join(folder, path)
    const size = statSync(file, { throwIfNoEntry: false })?.size
    if (size === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { "content-length": size })
    const half = { end: Math.floor(size / 2) }
    // Who goes away in the middle is no trouble of ours.
    const sent = pipeline(createReadStream(file, isCut(path) ? half : {}), response, { end: !isCut(path) })
    sent.then(
      () => isCut(path) && response.destroy(),
      () => response.destroy(),
    )
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    },
  }
}
