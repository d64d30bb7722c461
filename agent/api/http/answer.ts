import type { IncomingMessage, ServerResponse } from "node:http"
import { getRequestListener } from "@hono/node-server"
import type { ApiDeps } from "../deps.ts"
import { ApiApp } from "./app.ts"
import type { Streams } from "./stream.ts"

/** @returns answers the requests of Node's HTTP server by the routes of the table */
export function createAnswer(
  deps: ApiDeps,
  streams: Streams,
): (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void> {
  const app = new ApiApp(deps, streams)
  app.start()
  return getRequestListener((request, env) => app.fetch(request, env as never), {
    hostname: "127.0.0.1",
    overrideGlobalObjects: false,
  })
}
