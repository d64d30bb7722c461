import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http"
import { CLI_ANSWER_BYTES_MAX, CLI_REQUEST_TIMEOUT_MS } from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import { CliError } from "./error.ts"

export interface ApiRequest {
  readonly method: string
  /** With its query, below the agent's address. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  /** The JSON, null where there is none. */
  readonly body: unknown
}

/** How to reach the running agent. */
export interface Endpoint {
  readonly url: string
  readonly token: string
  /** Its process, where it runs on this machine. */
  readonly pid: number | null
}

/**
 * One request and its JSON. On node:http, which starts faster than fetch.
 * @throws CliError NO_AGENT where nobody listens, AGENT_UNREACHABLE, or the agent's refusal with its code
 */
export async function callAgent(endpoint: Endpoint, asked: ApiRequest): Promise<Answer> {
  const response = await openRequest(endpoint, asked, CLI_REQUEST_TIMEOUT_MS)
  const text = await readText(response)
  return { status: response.statusCode ?? 0, body: text === "" ? null : JSON.parse(text) }
}

/** The answer with its body still to be read; a refusal is thrown. @param timeoutMs of silence, 0 for none */
export async function openRequest(endpoint: Endpoint, asked: ApiRequest, timeoutMs: number): Promise<IncomingMessage> {
  const response = await send(endpoint, asked, timeoutMs)
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return response
  throw refusal(status, await readText(response))
}

function send(endpoint: Endpoint, asked: ApiRequest, timeoutMs: number): Promise<IncomingMessage> {
  const body = asked.body === undefined ? null : Buffer.from(JSON.stringify(asked.body))
  const headers: OutgoingHttpHeaders = { ...asked.headers, authorization: `Bearer ${endpoint.token}` }
  if (body !== null) {
    headers["content-type"] = "application/json"
    headers["content-length"] = body.length
  }
  return new Promise((resolve, reject) => {
    const sent = request(new URL(asked.path, endpoint.url), { method: asked.method, headers }, resolve)
    sent.on("error", (error) => {
      reject(unreachable(endpoint, error))
    })
    if (timeoutMs > 0) sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)))
    sent.end(body ?? undefined)
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > CLI_ANSWER_BYTES_MAX) {
      throw new CliError({ code: "AGENT_UNREACHABLE" }, "the answer is too large", { remedy: "ask for less: --limit" })
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

function unreachable(endpoint: Endpoint, error: NodeJS.ErrnoException): CliError {
  if (error.code === "ECONNREFUSED" || error.code === "ECONNRESET") return noAgent(endpoint.url, error)
  return new CliError({ code: "AGENT_UNREACHABLE" }, `${endpoint.url} does not answer: ${messageOf(error)}`, {
    remedy: "see `mesg logs`, or start the agent again",
    cause: error,
  })
}

/** @param where a home or an address */
export function noAgent(where: string, cause?: unknown): CliError {
  return new CliError({ code: "NO_AGENT" }, `no agent is running at ${where}`, {
    remedy: "start one with `mesg start`, or name its home with --home",
    cause,
  })
}

function refusal(status: number, text: string): CliError {
  let problem: Record<string, unknown> = {}
  try {
    problem = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    return new CliError({ code: "AGENT_UNREACHABLE" }, `the agent answered ${status} and no problem details`, {
      remedy: "is something else listening there?",
      cause: error,
    })
  }
  const { code, detail, remedy } = problem
  return new CliError(
    { code: String(code), status, problem },
    String(detail),
    typeof remedy === "string" ? { remedy } : {},
  )
}
