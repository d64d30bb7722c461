import { isMesgError } from "../../base/errors.ts"
import { type Context, Hono } from "hono"
import { HTTP_WAIT_S_MAX, HTTP_WAITS_MAX } from "../../base/limits.ts"
import type { ApiDeps } from "../deps.ts"
import { ApiError } from "../errors.ts"
import type { Operation } from "../operations/operation.ts"
import { SCHEMAS } from "../operations/schemas/table.ts"
import { OPERATIONS, type TypedOperation } from "../operations/table.ts"
import { Authentication, authorize } from "./auth.ts"
import { readJson } from "./body.ts"
import { checkOrigins, isForeignOriginAllowed, SECURITY_HEADERS } from "./guard.ts"
import { type Handler, Reply, type RequestContext } from "./handler.ts"
import { HANDLERS } from "./handlers/table.ts"
import { answerHook } from "./hooks.ts"
import { checkIdempotencyKey, Idempotency } from "./idempotency.ts"
import { checkInput, type RawInput } from "./input.ts"
import { problemOf, problemResponse } from "./problem.ts"
import type { Streams } from "./stream.ts"
import type { Token } from "./tokens.ts"

/** What @hono/node-server hands over with each request. */
export interface NodeBindings {
  readonly incoming: { readonly socket: { readonly remoteAddress?: string | undefined } }
}
type Request_ = Context<{ Bindings: NodeBindings }>

/** The routes of the table, and what every request goes through before and after them. */
export class ApiApp {
  readonly #deps: ApiDeps
  readonly #streams: Streams
  readonly #authentication: Authentication
  readonly #idempotency: Idempotency
  readonly #hono = new Hono<{ Bindings: NodeBindings }>()
  #waits = 0

  constructor(deps: ApiDeps, streams: Streams) {
    this.#deps = deps
    this.#streams = streams
    this.#authentication = new Authentication(deps.tokens, () => deps.clock.elapsed())
    this.#idempotency = new Idempotency(deps.store, deps.clock)
  }

  start(): void {
    this.#idempotency.start()
    this.#hono.use(async (c, next) => {
      checkOrigins({ host: c.req.header("host"), origin: c.req.header("origin") }, this.#deps.config.http)
      if (c.req.method === "OPTIONS") return this.#preflight(c)
      await next()
    })
    for (const operation of OPERATIONS) {
      this.#hono.on(operation.method, honoPath(operation.path), (c) => this.#answer(c, operation))
    }
    this.#hono.all("/hooks/*", (c) => answerHook(this.#deps.core.services, c.req.raw))
    this.#hono.notFound((c) => this.#noRoute(c))
    this.#hono.onError((error, c) => this.#refuse(error, c))
  }

  /** Answers one request; never rejects. */
  async fetch(request: Request, bindings: NodeBindings): Promise<Response> {
    const response = await this.#hono.fetch(request, bindings)
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value)
    const origin = request.headers.get("origin")
    if (origin !== null && isForeignOriginAllowed(origin, this.#deps.config.http)) {
      response.headers.set("access-control-allow-origin", origin)
      response.headers.set("cross-origin-resource-policy", "cross-origin")
      response.headers.append("vary", "origin")
    }
    return response
  }

  async #answer(c: Request_, operation: TypedOperation): Promise<Response> {
    const started = this.#deps.clock.elapsed()
    const token = this.#authenticate(c, operation)
    const params = paramsOf(c, operation)
    if (token !== null) authorize(token, operation, params)
    const body = await readJson(c.req.raw)
    const raw: RawInput = { params, query: queryOf(c), body }
    const response = await this.#carryOut(c, operation, raw, token)
    const labels = { operation: operation.id, status: String(response.status) }
    this.#deps.metrics.count("mesg_http_requests_total", 1, labels)
    this.#deps.metrics.observe("mesg_http_request_seconds", (this.#deps.clock.elapsed() - started) / 1000)
    return response
  }

  #authenticate(c: Request_, operation: TypedOperation): Token | null {
    if (operation.scope === "none") return null
    const header = c.req.header("authorization")
    if (operation.id === "system.metrics" && header === undefined && this.#mayReadMetrics(c)) return null
    return this.#authentication.bearer(header, addressOf(c))
  }

  #mayReadMetrics(c: Request_): boolean {
    return this.#deps.config.http.metrics && isLoopback(addressOf(c))
  }

  async #carryOut(c: Request_, operation: TypedOperation, raw: RawInput, token: Token | null): Promise<Response> {
    const key = operation.method === "GET" ? null : (c.req.header("idempotency-key") ?? null)
    if (key !== null) checkIdempotencyKey(key)
    const run = () => this.#run(c, operation, raw, token, key)
    if (key === null || operation.idempotency === "event") return run()
    if (operation.idempotency === undefined) throw notIdempotent(operation)
    const asked = JSON.stringify([operation.method, c.req.path, raw.query, raw.body])
    const kept = await this.#idempotency.once(token?.id ?? "", key, asked, async () => {
      const response = await run()
      return { status: response.status, body: await response.text() }
    })
    if (kept.body === "") return new Response(null, { status: kept.status })
    return new Response(kept.body, { status: kept.status, headers: { "content-type": "application/json" } })
  }

  async #run(
    c: Request_,
    operation: TypedOperation,
    raw: RawInput,
    token: Token | null,
    idempotencyKey: string | null,
  ): Promise<Response> {
    const input = checkInput(operation, SCHEMAS[operation.id], raw)
    // The table of schemas made this input, and the compiler checked each handler against the same table.
    const handler = HANDLERS[operation.id] as unknown as Handler<"system.status">
    const waitMs = operation.alternative === undefined ? 0 : this.#waitMs(c)
    const context: RequestContext = {
      token,
      signal: AbortSignal.any([c.req.raw.signal, this.#streams.ended]),
      waitMs,
      idempotencyKey,
      accept: c.req.header("accept") ?? "",
      lastEventId: c.req.header("last-event-id") ?? null,
      streams: this.#streams,
    }
    if (waitMs > 0) this.#waits++
    try {
      return responseOf(operation, await handler(this.#deps, input as never, context))
    } finally {
      if (waitMs > 0) this.#waits--
    }
  }

  /** RFC 7240: a wait is a wish, so where too many wait already nobody else does. */
  #waitMs(c: Request_): number {
    const wish = /(?:^|[\s,;])wait\s*=\s*"?(\d{1,6})/i.exec(c.req.header("prefer") ?? "")?.[1]
    if (wish === undefined || this.#waits >= HTTP_WAITS_MAX) return 0
    return Math.min(Number(wish), HTTP_WAIT_S_MAX) * 1000
  }

  #preflight(c: Request_): Response {
    const origin = c.req.header("origin")
    if (origin === undefined || !isForeignOriginAllowed(origin, this.#deps.config.http)) return this.#noRoute(c)
    return new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id, prefer",
        "access-control-max-age": "600",
      },
    })
  }

  /** Who has no token learns nothing of which routes there are. */
  #noRoute(c: Request_): Response {
    this.#authentication.bearer(c.req.header("authorization"), addressOf(c))
    const allow = OPERATIONS.filter(({ path }) => pathPattern(path).test(c.req.path)).map(({ method }) => method)
    if (allow.length > 0) {
      throw new ApiError({ code: "METHOD_NOT_ALLOWED", allow }, `${c.req.path} takes ${allow.join(", ")}`)
    }
    throw new ApiError({ code: "ROUTE_NOT_FOUND" }, `there is nothing at ${c.req.path}`, {
      remedy: "see /api/v1/openapi.json for what there is",
    })
  }

  /** What is no refusal is a bug. The request is its own: the engine judges for itself whether it may go on. */
  #refuse(error: unknown, c: Request_): Response {
    if (isMesgError(error)) return problemResponse(problemOf(error))
    const { method, path } = c.req
    this.#deps.log.error("a request met a bug", { method, path, error })
    const failed = new ApiError(
      { code: "INTERNAL" },
      `the agent failed at ${method} ${path}: how far it came is unknown`,
      {
        remedy: "look at what there is before you send it again; the reason is in the agent's log (mesg logs)",
      },
    )
    return problemResponse(problemOf(failed))
  }
}

function responseOf(operation: Operation, result: unknown): Response {
  if (result instanceof Response) return result
  if (result instanceof Reply) return Response.json(result.body, { status: result.status })
  if (result === undefined) return new Response(null, { status: operation.status })
  return Response.json(result, { status: operation.status })
}

/** A key that is passed over would let a caller believe that a repeat does nothing. */
function notIdempotent({ method, path }: Operation): ApiError {
  return new ApiError({ code: "IDEMPOTENCY_UNSUPPORTED" }, `${method} ${path} keeps no answer to give again`, {
    remedy: "send it without an Idempotency-Key, and look at what there is before you send it again",
  })
}

/** `/a/{id}:cancel` as hono reads it: a parameter never holds a colon, so that the verb after it is its own. */
function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}(:\w+)?/g, (_, name: string, verb: string = "") => `:${name}{[^/:]+${verb}}`)
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/:]+")}$`)
}

function paramsOf(c: Request_, operation: Operation): Record<string, string> {
  const verb = /\}(:\w+)$/.exec(operation.path)?.[1] ?? ""
  const params: Record<string, string> = {}
  for (const [name, value] of Object.entries(c.req.param() as Record<string, string>)) {
    params[name] = verb !== "" && value.endsWith(verb) ? value.slice(0, -verb.length) : value
  }
  return params
}

/** Each name once: `?app=a&app=b` would be two answers to one question. */
function queryOf(c: Request_): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) {
      const errors = [{ pointer: `/query/${name}`, message: "is given more than once" }]
      throw new ApiError({ code: "INPUT_INVALID", errors }, `/query/${name}: is given more than once`, {
        remedy: "give it once; several values of one parameter are separated by commas",
      })
    }
    query[name] = values[0]!
  }
  return query
}

function addressOf(c: Request_): string {
  return c.env.incoming.socket.remoteAddress ?? ""
}

/** @returns whether the address of a peer is this machine's loopback, IPv4-mapped too */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address)
}
