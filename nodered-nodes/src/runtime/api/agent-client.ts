import { pause } from "../../../../agent/base/pause.ts"
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, PAGE_ITEMS_MAX, REQUESTS_AT_A_TIME, RETRY_FOR_MS } from "../limits.ts"
import { AgentError, errorText } from "./agent-error.ts"
import { exchange } from "./exchange.ts"
import type { FindEndpoint } from "./endpoint.ts"
import { Gate } from "./gate.ts"
import type {
  AgentStatus,
  Application,
  DeployedApplication,
  Execution,
  ListedApplication,
  Page,
  Service,
  ServiceDetails,
  Token,
  Verdict,
} from "./shapes.ts"

interface Ask {
  readonly body?: unknown
  /** Makes the request one that may be repeated. */
  readonly key?: string
  readonly signal?: AbortSignal
  /** How long it is repeated where nobody answers; 0: not at all. */
  readonly retryForMs?: number
}

/**
 * The routes of the agent's API that these nodes use. Reads, and writes with an Idempotency-Key, are repeated while
 * nobody answers, so that a restart of the agent is not seen. See docs/reference/api.md.
 * Every method throws AgentError.
 */
export class AgentClient {
  readonly #find: FindEndpoint
  readonly #gate = new Gate(REQUESTS_AT_A_TIME)

  constructor(find: FindEndpoint) {
    this.#find = find
  }

  /** Where it answers, for a browser; null while no agent is known, and for what no browser opens. */
  get address(): string | null {
    try {
      const { protocol, href } = new URL(this.#find().url)
      return protocol === "http:" || protocol === "https:" ? href : null
    } catch {
      // What is wrong with it is told by whoever asks it something.
      return null
    }
  }

  /** The broker of the agent, behind the same address, and the password to it. @throws AgentError AGENT_NOT_FOUND */
  broker(): { readonly mqtt: string; readonly password: string } {
    const { url, token } = this.#find()
    return { mqtt: `${url.replace(/^http/, "ws")}/mqtt`, password: token }
  }

  status(signal?: AbortSignal): Promise<AgentStatus> {
    return this.#ask("GET", "/status", { retryForMs: 0, ...(signal === undefined ? {} : { signal }) })
  }

  services(signal: AbortSignal): Promise<Service[]> {
    return this.#all("/services", signal)
  }

  /** Without their secrets. */
  tokens(signal: AbortSignal): Promise<Token[]> {
    return this.#all("/tokens", signal)
  }

  /** @returns whose secret this is, null where nobody's */
  verifyToken(secret: string, signal: AbortSignal): Promise<Token | null> {
    return orNull("TOKEN_NOT_FOUND", this.#ask("POST", "/tokens:verify", { body: { token: secret }, signal }))
  }

  /** @returns null where there is none */
  service(id: string, signal: AbortSignal): Promise<ServiceDetails | null> {
    return orNull("SERVICE_NOT_FOUND", this.#ask("GET", `/services/${encodeURIComponent(id)}`, { signal }))
  }

  /** Calls a task. @returns the id of the execution, once it is durable */
  async call(service: string, task: string, inputs: unknown, key: string, signal: AbortSignal): Promise<string> {
    const path = `/services/${encodeURIComponent(service)}/tasks/${encodeURIComponent(task)}`
    const { execution } = await this.#ask<{ execution: string }>("POST", path, { body: { inputs }, key, signal })
    return executionOf(execution)
  }

  /** Starts an application by hand. @returns the id of the execution, once it is durable */
  async run(name: string, data: unknown, key: string, signal: AbortSignal): Promise<string> {
    const path = `/applications/${encodeURIComponent(name)}:run`
    const { id } = await this.#ask<{ id: string }>("POST", path, { body: { data }, key, signal })
    return id
  }

  /** @returns null where there is none (any more) */
  execution(id: string, signal: AbortSignal): Promise<Execution | null> {
    return orNull("EXECUTION_NOT_FOUND", this.#ask("GET", `/executions/${encodeURIComponent(id)}`, { signal }))
  }

  async executions(query: { app: string; status: string; limit: number }, signal: AbortSignal): Promise<Execution[]> {
    const words = new URLSearchParams({ ...query, limit: String(query.limit) })
    const page = await this.#ask<Page<Execution>>("GET", `/executions?${words.toString()}`, { signal })
    return [...page.items]
  }

  validate(application: unknown, signal: AbortSignal): Promise<Verdict> {
    return this.#ask("POST", "/applications:validate", { body: { application }, signal })
  }

  applications(signal: AbortSignal): Promise<ListedApplication[]> {
    return this.#all("/applications", signal)
  }

  /** @returns null where there is none */
  application(name: string, signal: AbortSignal): Promise<DeployedApplication | null> {
    return orNull("APPLICATION_NOT_FOUND", this.#ask("GET", `/applications/${encodeURIComponent(name)}`, { signal }))
  }

  /** @throws AgentError APPLICATION_REFUSED with `refusals` in its problem */
  deploy(name: string, application: unknown, config: object, key: string, signal: AbortSignal): Promise<Application> {
    const body = { application, config }
    return this.#ask("PUT", `/applications/${encodeURIComponent(name)}`, { body, key, signal })
  }

  async remove(name: string, key: string, signal: AbortSignal): Promise<void> {
    await orNull(
      "APPLICATION_NOT_FOUND",
      this.#ask("DELETE", `/applications/${encodeURIComponent(name)}`, { key, signal }),
    )
  }

  /** An open stream of server-sent events; it is the caller's to read and to end. */
  async stream(kinds: readonly string[], lastEventId: string | null, signal: AbortSignal): Promise<Response> {
    const { url, token } = this.#find()
    const resumed = lastEventId === null ? {} : { "last-event-id": lastEventId }
    const headers = { authorization: `Bearer ${token}`, ...resumed }
    let response: Response
    try {
      response = await fetch(`${url}/api/v1/stream?kinds=${kinds.join(",")}`, { headers, signal })
    } catch (error) {
      throw unreachable(error)
    }
    if (!response.ok) throw refusal(response.status, 0, await response.text())
    return response
  }

  /** A list, page by page. */
  async #all<Item>(path: string, signal: AbortSignal): Promise<Item[]> {
    const found: Item[] = []
    let cursor: string | null = null
    do {
      const after: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`
      const page: Page<Item> = await this.#ask("GET", `${path}?limit=${PAGE_ITEMS_MAX}${after}`, { signal })
      found.push(...page.items)
      cursor = page.cursor
    } while (cursor !== null)
    return found
  }

  async #ask<Answer>(method: string, path: string, ask: Ask): Promise<Answer> {
    const mayRepeat = method === "GET" || ask.key !== undefined || path.endsWith(":validate")
    const deadline = performance.now() + (mayRepeat ? (ask.retryForMs ?? RETRY_FOR_MS) : 0)
    const headers = ask.key === undefined ? {} : { "idempotency-key": ask.key }
    const body = jsonOf(ask.body)
    for (let waitMs = BACKOFF_FIRST_MS; ; waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS)) {
      try {
        return await this.#gate.pass(() => this.#once<Answer>(method, path, { body, signal: ask.signal }, headers))
      } catch (error) {
        const failure = error instanceof AgentError ? error : unreachable(error)
        const wait = Math.max(waitMs, retryAfterMs(failure))
        if (ask.signal?.aborted || !isPassing(failure) || performance.now() + wait > deadline) throw failure
        await pause(wait, ask.signal)
      }
    }
  }

  async #once<Answer>(
    method: string,
    path: string,
    { body, signal }: { readonly body: string | undefined; readonly signal: AbortSignal | undefined },
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const { url, token } = this.#find()
    const json = body === undefined ? {} : { "content-type": "application/json" }
    const answer = await exchange(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...json, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    })
    const { status, text } = answer
    if (status < 200 || status > 299) throw refusal(status, Number(answer.headers["retry-after"] ?? 0), text)
    return (status === 204 ? null : parsed(text, status)) as Answer
  }
}

function jsonOf(body: unknown): string | undefined {
  try {
    return body === undefined ? undefined : JSON.stringify(body)
  } catch (cause) {
    throw new AgentError("INPUT_INVALID", `what is to be sent is no JSON: ${errorText(cause)}`, { cause })
  }
}

function parsed(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AgentError("AGENT_ANSWER_INVALID", `what answers is no agent (HTTP ${status})`, { status, cause })
  }
}

/** The same id for the execution and for its one task execution, `<execution>.<task>`. */
function executionOf(id: string): string {
  return id.split(".")[0]!
}

function unreachable(error: unknown): AgentError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { code?: unknown }).code
  return new AgentError("AGENT_UNREACHABLE", `the agent does not answer: ${errorText(cause) || String(code)}`, {
    cause: error,
  })
}

function refusal(status: number, retryAfter: number, text: string): AgentError {
  try {
    const problem = JSON.parse(text) as { code?: unknown; detail?: unknown; title?: unknown }
    if (typeof problem.code === "string") {
      return new AgentError(problem.code, String(problem.detail ?? problem.title), {
        status,
        problem: { ...problem, retryAfter },
      })
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return new AgentError("AGENT_ANSWER_INVALID", `what answers is no agent (HTTP ${status})`, { status })
}

/** What may be over soon: nobody there, too busy, the same request still being answered. */
function isPassing({ code, status }: AgentError): boolean {
  if (code === "AGENT_UNREACHABLE" || code === "AGENT_NOT_FOUND" || code === "IDEMPOTENCY_IN_PROGRESS") return true
  return status === 429 || status === 502 || status === 503 || status === 504
}

function retryAfterMs({ problem }: AgentError): number {
  const seconds = Number(problem["retryAfter"] ?? 0)
  return Number.isFinite(seconds) ? seconds * 1000 : 0
}

async function orNull<Answer>(code: string, asked: Promise<Answer>): Promise<Answer | null> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof AgentError && error.code === code) return null
    throw error
  }
}
