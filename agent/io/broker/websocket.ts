import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import type { WebSocketServer } from "ws"
import { type Link, WebSocketLink } from "./link.ts"

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** MQTT's names in Sec-WebSocket-Protocol [MQTT-6.0.0-3, 6.0.0-4]; the second is what old clients say. */
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"]

/**
 * The upgrade of an HTTP server's `/mqtt`; requests for other paths are left alone.
 * @param allowOrigin is asked with the Origin header, null where there is none (programs send none, browsers always do)
 */
export function websocketUpgrade(
  bytesMax: number,
  allowOrigin: (origin: string | null, request: IncomingMessage) => boolean,
  accept: (link: Link) => void,
): UpgradeHandler {
  let opening: Promise<WebSocketServer> | null = null
  return (request, socket, head) => {
    if (request.url?.split("?")[0] !== "/mqtt") return
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim())
    if (!offered.some((name) => SUBPROTOCOLS.includes(name))) return refuse(socket, "400 Bad Request")
    if (!allowOrigin(request.headers.origin ?? null, request)) return refuse(socket, "403 Forbidden")
    // Until WebSocket's own code is there, a reset by the peer is nobody else's to hear.
    const ended = () => socket.destroy()
    socket.on("error", ended)
    opening ??= openServer(bytesMax)
    void opening.then((server) => {
      socket.off("error", ended)
      server.handleUpgrade(request, socket, head, (websocket) => {
        accept(new WebSocketLink(websocket, request.socket.remoteAddress ?? ""))
      })
    })
  }
}

/** Loaded by the first who comes over WebSocket: many gateways never see one. */
async function openServer(bytesMax: number): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("ws")
  return new WebSocketServer({
    noServer: true,
    maxPayload: bytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  })
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
