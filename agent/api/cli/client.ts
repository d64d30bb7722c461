import { CLI_ANSWER_BYTES_MAX, CLI_REQUEST_TIMEOUT_MS } from "../../base/limits.ts"
import { messageOf } from "../../base/errors.ts"
import { CliError } from "./error.ts"
import { type Exchange, ExchangeError, exchange } from "./exchange.ts"

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
 * One request and its JSON.
 * @throws CliError NO_AGENT where nobody listens, AGENT_UNREACHABLE, or the agent's refusal with its code
 */
export async function callAgent(endpoint: Endpoint, asked: ApiRequest): Promise<Answer> {
  const answer = await openRequest(endpoint, asked, CLI_REQUEST_TIMEOUT_MS)
  const text = await readText(endpoint, answer)
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) }
}

/** The answer with its body still to be read; a refusal is thrown. @param timeoutMs of silence, 0 for none */
export async function openRequest(endpoint: Endpoint, asked: ApiRequest, timeoutMs: number): Promise<Exchange> {
  const body = asked.body === undefined ? null : Buffer.from(JSON.stringify(asked.body))
  const headers = {
    ...asked.headers,
    authorization: `Bearer ${endpoint.token}`,
    ...(body === null ? {} : { "content-type": "application/json" }),
  }
  let answer: Exchange
  try {
    const url = new URL(asked.path, endpoint.url)
    answer = await exchange({ method: asked.method, url, headers, body, timeoutMs })
  } catch (error) {
    throw unreachable(endpoint, error as NodeJS.ErrnoException)
  }
  if (answer.status >= 200 && answer.status < 300) return answer
  throw refusal(answer.status, await readText(endpoint, answer))
}

async function readText(endpoint: Endpoint, answer: Exchange): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of answer.body) {
      length += part.length
      if (length > CLI_ANSWER_BYTES_MAX) throw new ExchangeError("the answer is too large: ask for less with --limit")
      parts.push(part)
    }
  } catch (error) {
    throw unreachable(endpoint, error as NodeJS.ErrnoException)
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
