import { Agent, type IncomingHttpHeaders, type RequestOptions, request } from "node:http"
import { Agent as SecureAgent, request as secureRequest } from "node:https"
import { REQUEST_TIMEOUT_MS } from "../limits.ts"

/** One answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body?: string
  readonly signal?: AbortSignal
}

const agent = new Agent({ keepAlive: true })
const secureAgent = new SecureAgent({ keepAlive: true })

/**
 * One request over a connection that is kept. A message that calls a task asks once: `fetch` would take twice the
 * processor time for it.
 * @throws Error of the connection, or of the signal; after REQUEST_TIMEOUT_MS of silence
 */
export function exchange(url: string, { method, headers, body, signal }: Asked): Promise<Answer> {
  const isSecure = url.startsWith("https:")
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }
  const options: RequestOptions = {
    method,
    agent: isSecure ? secureAgent : agent,
    headers: { ...headers, ...length },
    timeout: REQUEST_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  }
  return new Promise((resolve, reject) => {
    const asked = (isSecure ? secureRequest : request)(url, options, (response) => {
      const parts: Buffer[] = []
      response.on("data", (part: Buffer) => parts.push(part))
      response.on("error", reject)
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8")
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
    })
    asked.on("timeout", () => asked.destroy(new Error(`no answer for ${REQUEST_TIMEOUT_MS} ms`)))
    asked.on("error", reject)
    asked.end(body)
  })
}
