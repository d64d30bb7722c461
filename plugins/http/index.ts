import { createHash, timingSafeEqual } from "node:crypto"
import {
  defineService,
  parseJson,
  type ServiceContext,
  TaskError,
  type WebhookRequest,
  type WebhookResponse,
} from "../../agent/sdk.ts"

interface Hook {
  readonly methods?: readonly string[]
  readonly secretIn?: "header" | "path"
  readonly header?: string
  readonly idHeader?: string
}
interface Config {
  readonly hooks: Readonly<Record<string, Hook>>
  readonly secrets: Readonly<Record<string, string>>
}
interface Outgoing {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs?: number
}

/** Of an answer; twice this, as text and as JSON, fits into the agent's 256 KiB for a result. */
const ANSWER_BYTES_MAX = 128 * 1024
const JSON_BYTES_MAX = 100 * 1024
const EVENT_ID_LENGTH_MAX = 128
/** Carry secrets, or say nothing about the request. */
const HIDDEN_HEADERS = new Set(["authorization", "cookie", "proxy-authorization", "x-api-key", "connection"])
/** The connection was never made, so nothing was asked. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
])
/** What is no request that HTTP has is refused before any of it is sent. */
const REFUSED_AT_HOME = new Set([
  "ERR_INVALID_URL",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
])

const taken: WebhookResponse = { status: 202, body: "", headers: { "content-type": "text/plain" } }

interface Refusal {
  readonly code: string
  readonly status: number
  /** One sentence. */
  readonly detail: string
  readonly remedy?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Problem details of RFC 9457, as the agent itself gives them. */
function refused({ headers = {}, ...problem }: Refusal): WebhookResponse {
  return {
    status: problem.status,
    body: `${JSON.stringify({ type: `urn:mesg:problem:${problem.code}`, ...problem })}\n`,
    headers: { "content-type": "application/problem+json", ...headers },
  }
}

/** Equal in constant time, whatever the lengths. */
function sameSecret(given: string, secret: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(given), digest(secret))
}

/** @returns the path behind the name of the hook, without the secret; null where the secret is wrong or missing */
function pathBehind(name: string, hook: Hook, secret: string, request: WebhookRequest): string | null {
  const levels = request.path.replace(/^\/+|\/+$/g, "").split("/")
  // The agent may hand over the whole path or what follows the hook's own.
  const rest = levels[0] === name ? levels.slice(1) : levels
  if (hook.secretIn === "path") {
    return sameSecret(rest[0] ?? "", secret) ? `/${rest.slice(1).join("/")}` : null
  }
  const named = hook.header?.toLowerCase()
  const bearer = /^Bearer (.+)$/i.exec(request.headers["authorization"] ?? "")?.[1]
  const given = named === undefined ? bearer : request.headers[named]
  return sameSecret(given ?? "", secret) ? `/${rest.join("/")}` : null
}

function bodyFields(body: Uint8Array): { text?: string; json?: unknown; base64?: string } {
  if (body.length === 0) return {}
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body)
  } catch {
    return { base64: body.toBase64() }
  }
  if (body.length > JSON_BYTES_MAX) return { text }
  const parsed = parseJson(text)
  return parsed.ok ? { text, json: parsed.value } : { text }
}

/** Where the secret of a hook is expected. */
function placeOfSecret(name: string, hook: Hook): string {
  if (hook.secretIn === "path") return `in the address: /hooks/${name}/<secret>`
  return hook.header === undefined ? "as `Authorization: Bearer <secret>`" : `in the header ${hook.header}`
}

async function receive(ctx: ServiceContext<Config>, name: string, hook: Hook, request: WebhookRequest) {
  const secret = ctx.config.secrets[name]
  if (secret === undefined) {
    const detail = `the webhook "${name}" has no secret yet, so nobody may use it`
    return refused({ code: "HOOK_WITHOUT_SECRET", status: 503, detail, remedy: secretRemedy(name) })
  }
  const path = pathBehind(name, hook, secret, request)
  if (path === null) {
    const detail = `the secret of the webhook "${name}" is missing or wrong`
    return refused({ code: "HOOK_SECRET_WRONG", status: 401, detail, remedy: `send it ${placeOfSecret(name, hook)}` })
  }
  const methods = hook.methods ?? ["POST"]
  if (!methods.includes(request.method)) {
    const detail = `the webhook "${name}" does not take ${request.method}`
    const remedy = `use ${methods.join(" or ")}, or name the method in its setting \`methods\``
    return refused({ code: "HOOK_METHOD", status: 405, detail, remedy, headers: { allow: methods.join(", ") } })
  }
  const named = hook.header?.toLowerCase()
  const shown = Object.entries(request.headers).filter(([header]) => !HIDDEN_HEADERS.has(header) && header !== named)
  const id = hook.idHeader === undefined ? undefined : request.headers[hook.idHeader.toLowerCase()]
  // Event ids are one level of a topic: the sender's may hold anything.
  const eventId = id === undefined || id === "" ? null : `${name}.${encodeURIComponent(id)}`
  if (eventId !== null && eventId.length > EVENT_ID_LENGTH_MAX) {
    const detail = `the id in ${hook.idHeader!} is longer than ${EVENT_ID_LENGTH_MAX} characters`
    return refused({ code: "HOOK_ID_TOO_LONG", status: 400, detail })
  }
  const data = {
    hook: name,
    method: request.method,
    path,
    query: request.query,
    headers: Object.fromEntries(shown),
    ...bodyFields(request.body),
  }
  try {
    await ctx.emit("request", data, eventId === null ? {} : { id: eventId })
  } catch (error) {
    const { code = "HOOK_UNAVAILABLE", message: detail } = error as { code?: string; message: string }
    if (code === "EVENT_TOO_LARGE" || code === "NOT_PLAIN_JSON" || code === "EVENT_DATA_INVALID")
      return refused({ code, status: 413, detail })
    if (code === "OVERLOADED") return refused({ code, status: 429, detail, headers: { "retry-after": "1" } })
    ctx.log.warn("the agent takes no event now", { hook: name, reason: detail })
    return refused({ code: "HOOK_UNAVAILABLE", status: 503, detail: "the agent takes no event now; try again later" })
  }
  return taken
}

function secretRemedy(name: string): string {
  return `mesg service configure http --config '{"secrets": {"${name}": "<16 characters or more>"}}', with the secrets of the other webhooks`
}

/** At most so many bytes of the body, and whether there was more. */
async function read(response: Response): Promise<{ bytes: Uint8Array; truncated: boolean }> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    parts.push(part)
    length += part.length
    if (length > ANSWER_BYTES_MAX) return { bytes: Buffer.concat(parts).subarray(0, ANSWER_BYTES_MAX), truncated: true }
  }
  return { bytes: Buffer.concat(parts), truncated: false }
}

/** @returns why nothing was sent, null where something may have been */
function neverSent(error: unknown): string | null {
  const { cause } = error as { cause?: { message?: string } }
  const code = codeOf(error)
  if (code !== undefined && NEVER_SENT.has(code)) return code
  // Fetch standard, port blocking: such a request is not made at all.
  return cause?.message === "bad port" ? "fetch does not use this port" : null
}

export default defineService<Config>({
  async start(ctx) {
    for (const [name, hook] of Object.entries(ctx.config.hooks)) {
      // Only this one is down: the others have their senders.
      if (ctx.config.secrets[name] === undefined)
        ctx.log.warn("a webhook has no secret, so nobody may use it", { hook: name, remedy: secretRemedy(name) })
      await ctx.webhook(name, (request) => receive(ctx, name, hook, request))
    }
  },

  tasks: {
    async request({ url, method = "GET", headers = {}, body, timeoutMs = 20_000 }: Outgoing, ctx) {
      const isText = typeof body === "string"
      const request = {
        method,
        headers: {
          ...(body === undefined || isText ? {} : { "content-type": "application/json" }),
          "idempotency-key": ctx.execution,
          ...headers,
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      }
      checkRequest(url, request)
      const late = AbortSignal.timeout(timeoutMs)
      let response: Response
      try {
        response = await ctx.fetch(url, { ...request, signal: AbortSignal.any([late, ctx.signal]) })
      } catch (error) {
        const { host } = new URL(url)
        if (REFUSED_AT_HOME.has(codeOf(error) ?? "")) throw invalid(error)
        const reason = neverSent(error)
        if (reason !== null) return { status: "unreachable", data: { reason: `${host}: ${reason}` } }
        // It may have been sent, and acted upon.
        throw new TaskError("HTTP_NO_ANSWER", `${host}: ${reasonOf(error)}`, { outcome: "unknown", cause: error })
      }
      const { bytes, truncated } = await read(response)
      const data = {
        code: response.status,
        headers: Object.fromEntries(response.headers),
        truncated,
        ...bodyFields(bytes),
      }
      return { status: response.ok ? "ok" : "failed-status", data }
    },
  },
})

/** @throws TaskError HTTP_REQUEST_INVALID: such as a body behind GET, a header that is none, a password in the URL */
function checkRequest(url: string, request: RequestInit): void {
  try {
    new Request(url, request)
  } catch (error) {
    throw invalid(error)
  }
}

function invalid(error: unknown): TaskError {
  return new TaskError("HTTP_REQUEST_INVALID", `this is no HTTP request: ${reasonOf(error)}`, { cause: error })
}

function codeOf(error: unknown): string | undefined {
  const { cause } = error as { cause?: { code?: string; errors?: { code?: string }[] } }
  return cause?.code ?? cause?.errors?.[0]?.code
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: { message?: string } }
  return cause?.message === undefined ? message : `${message}: ${cause.message}`
}
