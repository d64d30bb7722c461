import { AUTH_ADDRESSES_MAX, AUTH_FAILURES_MAX, AUTH_FAILURES_WINDOW_MS } from "../../base/limits.ts"
import { ApiError } from "../errors.ts"
import { type Operation, scopeCovers } from "../operations/operation.ts"
import type { Token, Tokens } from "./tokens.ts"

interface Failures {
  count: number
  sinceMs: number
}

/**
 * Who calls, by the bearer token. Wrong tokens are counted per address: past the limit they are told to wait. A right
 * token always passes, so that nobody can lock the owner out.
 */
export class Authentication {
  readonly #tokens: Tokens
  readonly #elapsed: () => number
  readonly #failures = new Map<string, Failures>()

  constructor(tokens: Tokens, elapsed: () => number) {
    this.#tokens = tokens
    this.#elapsed = elapsed
  }

  /**
   * @param header the Authorization header
   * @param address of the peer
   * @throws ApiError UNAUTHENTICATED, RATE_LIMITED
   */
  bearer(header: string | undefined, address: string): Token {
    const secret = /^Bearer +([!-~]+) *$/i.exec(header ?? "")?.[1]
    const token = secret === undefined ? null : this.#tokens.verify(secret)
    if (token !== null) return token
    if (header !== undefined) this.#countFailure(address)
    throw new ApiError({ code: "UNAUTHENTICATED" }, header === undefined ? "no token was sent" : "no such token", {
      remedy: "send `Authorization: Bearer <token>`; make one with `mesg token create`",
    })
  }

  #countFailure(address: string): void {
    const nowMs = this.#elapsed()
    const known = this.#failures.get(address)
    this.#failures.delete(address)
    const fresh = known === undefined || nowMs - known.sinceMs > AUTH_FAILURES_WINDOW_MS
    const failures = fresh ? { count: 1, sinceMs: nowMs } : { count: known.count + 1, sinceMs: known.sinceMs }
    // In order of the last failure: the address that failed longest ago is forgotten first.
    this.#failures.set(address, failures)
    if (this.#failures.size > AUTH_ADDRESSES_MAX) this.#failures.delete(this.#failures.keys().next().value!)
    if (failures.count <= AUTH_FAILURES_MAX) return
    const retryAfterS = Math.ceil((failures.sinceMs + AUTH_FAILURES_WINDOW_MS - nowMs) / 1000)
    throw new ApiError({ code: "RATE_LIMITED", retryAfterS }, `too many wrong tokens from ${address}`, {
      remedy: "wait, then send the right one",
    })
  }
}

/**
 * Whether a token may call an operation with these path parameters.
 * @throws ApiError FORBIDDEN
 */
export function authorize(token: Token, operation: Operation, params: Readonly<Record<string, string>>): void {
  if (scopeCovers(token.scope, operation.scope)) return
  const service = operation.serviceParam === undefined ? undefined : params[operation.serviceParam]
  if (token.scope === "service" && service !== undefined && token.services.includes(service)) return
  throw new ApiError(
    { code: "FORBIDDEN", scope: operation.scope },
    `this token has scope ${token.scope}, but ${operation.id} needs ${operation.scope}`,
    { remedy: `use a token made with \`mesg token create --scope ${operation.scope}\`` },
  )
}
