import { once } from "node:events"
import { createServer, type IncomingMessage, request as ask } from "node:http"
import type { AddressInfo } from "node:net"

/** A proxy of HTTP on loopback, as stands in front of agents elsewhere: what upgrades to a WebSocket gets no answer. */
export interface HttpProxy {
  readonly url: string
  close(): void
}

/**
 * @param to where what is asked goes
 * @param mayPass told of each answer before it goes back, which waits for it; false keeps it for ever
 */
export async function startHttpProxy(
  to: string,
  mayPass: (method: string, path: string) => boolean | Promise<boolean> = () => true,
): Promise<HttpProxy> {
  const proxy = createServer((request, response) => {
    const { method = "GET", url = "/", headers } = request
    const pass = async (answer: IncomingMessage) => {
      if (!(await mayPass(method, url))) return answer.resume()
      response.writeHead(answer.statusCode!, answer.headers)
      return answer.pipe(response)
    }
    const far = ask(to + url, { method, headers }, (answer) => {
      pass(answer).catch((error: Error) => response.destroy(error))
    })
    far.on("error", () => response.destroy())
    request.pipe(far)
  })
  proxy.listen(0, "127.0.0.1")
  await once(proxy, "listening")
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    close() {
      proxy.closeAllConnections()
      proxy.close()
    },
  }
}
