import type { IncomingMessage } from "node:http"
import { isIP, type LookupFunction } from "node:net"
import type { Readable } from "node:stream"
import { messageOf } from "../../base/errors.ts"
import { SERVICE_CONNECT_TIMEOUT_MS, SERVICE_FETCH_IDLE_MS, SERVICE_FETCH_REDIRECTS_MAX } from "../../base/limits.ts"
import type { NetworkGate } from "./network-gate.ts"
import { ServiceError } from "./service-error.ts"

export interface FetchRequest {
  readonly url: string
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
  readonly redirect: "follow" | "error" | "manual"
}

export interface FetchAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly (readonly [string, string])[]
  readonly url: string
  readonly redirected: boolean
  readonly body: Readable
}

/** Headers that this side sets, or that would let one request smuggle another. */
const OWN_HEADERS = new Set(["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "expect"])
/** Not sent along to another origin. */
const ORIGIN_HEADERS = new Set(["authorization", "cookie", "proxy-authorization"])

/**
 * One HTTP request on behalf of a confined service; every hop of a redirect passes the gate.
 * @throws ServiceError NETWORK_REFUSED, NETWORK_FAILED
 */
export async function fetchThrough(
  gate: NetworkGate,
  request: FetchRequest,
  signal: AbortSignal,
): Promise<FetchAnswer> {
  let { url, method, headers, body } = {
    ...request,
    headers: request.headers.filter(([name]) => !OWN_HEADERS.has(name)),
  }
  for (let hop = 0; hop <= SERVICE_FETCH_REDIRECTS_MAX; hop++) {
    const at = parseUrl(url)
    const answer = await one(gate, at, method, headers, body, signal)
    const status = answer.statusCode ?? 0
    const location = answer.headers.location
    const redirects = [301, 302, 303, 307, 308].includes(status) && location !== undefined
    if (!redirects || request.redirect === "manual") return answerOf(answer, url, hop > 0)
    answer.destroy()
    if (request.redirect === "error") throw failure(at, `redirects to ${location}`)
    const next = parseUrl(new URL(location, at).href)
    // Fetch standard, HTTP-redirect fetch, steps 12 and 13.
    if (status === 303 ? method !== "HEAD" : status < 303 && method === "POST") {
      method = "GET"
      body = new Uint8Array()
      headers = headers.filter(([name]) => !name.startsWith("content-"))
    }
    if (next.origin !== at.origin) headers = headers.filter(([name]) => !ORIGIN_HEADERS.has(name))
    url = next.href
  }
  throw failure(parseUrl(url), `redirects more than ${SERVICE_FETCH_REDIRECTS_MAX} times`)
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url
  throw new ServiceError({ code: "NETWORK_REFUSED", target: text.slice(0, 200) }, "only http: and https: are fetched")
}

async function one(
  gate: NetworkGate,
  url: URL,
  method: string,
  headers: readonly (readonly [string, string])[],
  body: Uint8Array,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const secure = url.protocol === "https:"
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port)
  const address = await gate.addressOf(url.hostname, port)
  const lookup: LookupFunction = (_host, options, done) => {
    const family = isIP(address)
    if (options.all === true) done(null, [{ address, family }])
    else done(null, address, family)
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { request } = secure ? await import("node:https") : await import("node:http")
  // No agent: a connection is never shared with another service, whose gate may differ.
  const outgoing = request(url, {
    method,
    lookup,
    agent: false,
    signal,
    headers: [...headers.flat(), ...(body.length > 0 ? ["content-length", String(body.length)] : []), "host", url.host],
  })
  outgoing.on("error", reject)
  outgoing.on("response", resolve)
  outgoing.setTimeout(Math.max(SERVICE_FETCH_IDLE_MS, SERVICE_CONNECT_TIMEOUT_MS), () => {
    outgoing.destroy(new Error(`silent for ${SERVICE_FETCH_IDLE_MS} ms`))
  })
  outgoing.end(body.length > 0 ? body : undefined)
  try {
    return await promise
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    throw failure(url, messageOf(cause), cause)
  }
}

function failure(url: URL, message: string, cause?: unknown): ServiceError {
  return new ServiceError({ code: "NETWORK_FAILED", target: url.host }, `${url.host}: ${message}`, { cause })
}

function answerOf(answer: IncomingMessage, url: string, redirected: boolean): FetchAnswer {
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    headers.push([answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!])
  }
  const { statusCode: status = 502, statusMessage: statusText = "" } = answer
  return { status, statusText, headers, url, redirected, body: answer }
}
