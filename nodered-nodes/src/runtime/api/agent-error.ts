/**
 * Why a request to the agent failed. `code` is the agent's own stable code, or one of
 * AGENT_NOT_FOUND: no agent is known to run here;
 * AGENT_GONE: the node that says where the agent is, is gone or disabled;
 * AGENT_UNREACHABLE: nobody answered; whether it was done is not known;
 * AGENT_ANSWER_INVALID: who answered is no agent;
 * INPUT_INVALID: what is to be sent is no JSON;
 * EXECUTION_LOST: the agent has an execution no more whose end is waited for.
 */
export class AgentError extends Error {
  readonly code: string
  readonly status: number
  readonly problem: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, options: { status?: number; problem?: object; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = "AgentError"
    this.code = code
    this.status = options.status ?? 0
    this.problem = (options.problem ?? {}) as Readonly<Record<string, unknown>>
  }

  /** Whether the agent does not take the token: it is wrong, may do less than is asked, or was wrong too often. */
  get isTokenRefused(): boolean {
    return this.status === 401 || this.status === 403 || this.code === "RATE_LIMITED"
  }

  /** What the agent said, and what to do about it. */
  get advice(): string {
    const { remedy } = this.problem
    return typeof remedy === "string" ? `${this.message}: ${remedy}` : this.message
  }
}

/** The agent answered that it does not do it. */
export function isRefusal(error: unknown): error is AgentError {
  return error instanceof AgentError && error.status >= 400 && error.status < 500
}

export function errorText(error: unknown): string {
  if (error instanceof AgentError) return error.advice
  return error instanceof Error ? error.message : String(error)
}
