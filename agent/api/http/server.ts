import { isMesgError, messageOf } from "../../base/errors.ts"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { once } from "node:events"
import { toHex } from "../../base/bytes.ts"
import {
  HTTP_CHECK_INTERVAL_MS,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADER_BYTES_MAX,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  HTTP_STOP_TIMEOUT_MS,
} from "../../base/limits.ts"
import type { ApiDeps } from "../deps.ts"
import { ApiError } from "../errors.ts"
import { checkOrigins } from "./guard.ts"
import { answerMalformed } from "./malformed.ts"
import { problemOf } from "./problem.ts"
import { Streams } from "./stream.ts"

export interface HttpServerOptions extends ApiDeps {
  /** Takes over an upgrade to MQTT over WebSocket at `/mqtt`, after its Host and Origin were checked. */
  readonly brokerUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

export interface HttpServer {
  /** Binds `listen`:`http.port` and begins to answer. @throws ApiError HTTP_LISTEN_FAILED */
  start(): Promise<void>
  /** Ends the streams, lets running requests finish for a moment, closes. Also after a half start. */
  stop(): Promise<void>
  /** What is really bound, null while it is not. */
  address(): { readonly host: string; readonly port: number; readonly url: string } | null
}

/** The HTTP server of the agent: API, webhooks, and the door to MQTT over WebSocket. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const streams = new Streams(options.core.feed, options.logTail, toHex(options.random.bytes(4)))
  const answer = answerer(options, streams)
  const server = createServer(
    {
      maxHeaderSize: HTTP_HEADER_BYTES_MAX,
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
      requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: HTTP_CHECK_INTERVAL_MS,
      noDelay: true,
    },
    (incoming, outgoing) => {
      // While stopping, a connection goes with its last answer and not when it has idled long enough.
      outgoing.once("close", () => {
        if (!server.listening) setImmediate(() => server.closeIdleConnections())
      })
      answer(incoming, outgoing).catch((error) => {
        options.log.error("a request could not be answered", { error })
        outgoing.destroy()
      })
    },
  )
  server.maxConnections = HTTP_CONNECTIONS_MAX
  server.on("clientError", answerMalformed)
  server.on("upgrade", (request, socket, head) => {
    upgrade(options, request, socket, head)
  })
  return {
    start: async () => {
      options.tokens.onRevoked((token) => {
        streams.closeOf(token.id)
      })
      await listen(server, options.config.listen, options.config.http.port)
    },
    stop: () => stop(server, streams),
    address: () => addressOf(server),
  }
}

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

/**
 * Loads the routes with the first request: with fetch's Request and Response, which they stand on, they take 20 MB that
 * a gateway to which nobody speaks HTTP does not pay.
 */
function answerer(deps: ApiDeps, streams: Streams): Answer {
  let loading: Promise<Answer> | null = null
  const load = async (): Promise<Answer> => {
    const { createAnswer } = await import("./answer.ts")
    return createAnswer(deps, streams)
  }
  return async (incoming, outgoing) => {
    loading ??= load()
    await (await loading)(incoming, outgoing)
  }
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  server.listen(port, address)
  try {
    await once(server, "listening")
  } catch (cause) {
    throw new ApiError(
      { code: "HTTP_LISTEN_FAILED", address, port },
      `HTTP cannot listen on ${address}:${port}: ${messageOf(cause)}`,
      { cause, remedy: "stop what uses the port, or set another one: --set http.port=0 takes any free one" },
    )
  }
}

async function stop(server: Server, streams: Streams): Promise<void> {
  streams.stop()
  if (!server.listening) return
  const closed = once(server, "close")
  server.close()
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), HTTP_STOP_TIMEOUT_MS)
  await closed
  clearTimeout(late)
}

function addressOf(server: Server) {
  const address = server.address() as AddressInfo | null
  if (address === null) return null
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address
  // An address that means "all of them" is nothing one can go to.
  const reachable = host === "0.0.0.0" || host === "[::]" ? "127.0.0.1" : host
  return { host: address.address, port: address.port, url: `http://${reachable}:${address.port}` }
}

function upgrade(options: HttpServerOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  // Until the broker takes the socket over, a reset by the peer is nobody else's to hear.
  const ended = () => socket.destroy()
  socket.on("error", ended)
  try {
    checkOrigins({ host: request.headers.host, origin: request.headers.origin }, options.config.http)
  } catch (error) {
    if (!isMesgError(error)) throw error
    return refuseUpgrade(socket, problemOf(error).status, error.message)
  }
  const path = (request.url ?? "").split("?", 1)[0]
  if (path !== "/mqtt") return refuseUpgrade(socket, 404, "only /mqtt speaks WebSocket")
  socket.off("error", ended)
  options.brokerUpgrade(request, socket, head)
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain\r\n` +
      `content-length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
  )
}
