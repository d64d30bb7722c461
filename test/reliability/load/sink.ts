import { createServer, type Server } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import type { SeededRandom } from "../../../agent/base/random.ts"

/** One effect as the outside world saw it. */
export interface Call {
  readonly task: string
  /** The idempotency key that the task was given. */
  readonly key: string
  readonly n: number
}

/**
 * The world outside: counts every effect that reaches it, whatever the agent remembers. An effect has happened when its
 * request is here; the answer comes a while later, so that there is time to die in between.
 */
export class Sink {
  /** `task key` -> how often. */
  readonly calls = new Map<string, number>()
  /** `task n` -> the keys it came under. */
  readonly keys = new Map<string, Set<string>>()
  readonly #random: SeededRandom
  readonly #delayMs: number
  #server: Server | null = null

  /** @param delayMs answers take 0 to this long, ms */
  constructor(random: SeededRandom, delayMs: number) {
    this.#random = random
    this.#delayMs = delayMs
  }

  /** @returns its address */
  async start(): Promise<string> {
    const server = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk) => (body += String(chunk)))
      request.on("end", () => {
        const call = JSON.parse(body) as Call
        if (request.url === "/asked") {
          response.end(JSON.stringify({ done: this.calls.has(`${call.task} ${call.key}`) }))
          return
        }
        this.take(call)
        setTimeout(() => response.end("{}"), this.#random.below(this.#delayMs + 1))
      })
    })
    server.keepAliveTimeout = 60_000
    this.#server = server
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    const closed = once(this.#server!, "close")
    this.#server!.close()
    this.#server!.closeAllConnections()
    await closed
  }

  take({ task, key, n }: Call): void {
    const name = `${task} ${key}`
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
    const keys = this.keys.get(`${task} ${n}`)
    if (keys === undefined) this.keys.set(`${task} ${n}`, new Set([key]))
    else keys.add(key)
  }
}
