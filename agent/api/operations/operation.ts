/**
 * One thing the agent can be asked to do. Its HTTP route, its CLI commands, its entry in OpenAPI and its line in the
 * reference are all made from it. Data only: the schemas stand in ./schemas, the handlers in ../http/handlers, so that
 * the CLI can read the table without loading either.
 */
export interface Operation {
  /** `<area>.<verb>`, the operationId of OpenAPI. */
  readonly id: string
  readonly summary: string
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Path template: `/api/v1/services/{id}`. */
  readonly path: string
  /** The least scope of a token; `none` answers without one. */
  readonly scope: RouteScope
  /** Status of the usual answer. */
  readonly status: 200 | 201 | 202 | 204
  /** Another successful status and when it is given. */
  readonly alternative?: { readonly status: 200 | 202; readonly when: string }
  /** Answers with something else than one JSON value. */
  readonly media?: "text/event-stream" | "text/html" | "application/octet-stream" | "text/plain"
  /**
   * How an `Idempotency-Key` is honoured: `store` keeps the answer, `event` makes the key the event's id. Where it is left
   * out and something is changed, the key is refused: answers with a secret or a file are not kept.
   */
  readonly idempotency?: "store" | "event"
  /** The path parameter that a token bound to services must name one of; such tokens may call nothing else. */
  readonly serviceParam?: string
  /** Codes of the refusals it may give, beside those that every route shares. */
  readonly problems: readonly string[]
  readonly commands: readonly Command[]
}

/** Scopes of people and programs, each with the rights of those before it. */
export const SCOPES = ["read", "operate", "deploy", "admin"] as const
export type Scope = (typeof SCOPES)[number]
/** Scopes of tokens: `service` and `device` are for MQTT; a `service` token may also send its own events over HTTP. */
export const TOKEN_SCOPES = [...SCOPES, "service", "device"] as const
export type TokenScope = (typeof TOKEN_SCOPES)[number]
export type RouteScope = Scope | "none"

/** @returns whether a token of scope `held` may call what asks for `asked` */
export function scopeCovers(held: TokenScope, asked: RouteScope): boolean {
  if (asked === "none") return true
  return (SCOPES as readonly string[]).indexOf(held) >= SCOPES.indexOf(asked)
}

/** `mesg <noun> <verb>`: a client of its operation. */
export interface Command {
  /** Such as `service list`, or `status`. */
  readonly name: string
  /** Where it differs from the operation's. */
  readonly summary?: string
  readonly arguments?: readonly CommandArgument[]
  readonly options?: readonly CommandOption[]
  /** Input that the command always sends. */
  readonly fixed?: Readonly<Record<string, string>>
  /** What carries it out: one request by default, else a runner of ../cli/runners. */
  readonly runner?: RunnerName
  readonly example?: string
}

export type RunnerName = "application" | "backup" | "logs" | "stop" | "tail" | "watch" | "export"

/** How the text that a person typed becomes a value. */
export type ValueKind =
  | "text"
  | "number"
  | "flag"
  /** JSON, `@file` or `-` for standard input. */
  | "json"
  /** Separated by commas, or given several times. */
  | "list"
  /** As typed, given several times. */
  | "texts"
  /** KEY VALUE, given several times: an object. */
  | "pairs"
  /** KEY, given several times: an object that says null for each. */
  | "nulls"
  /** A path, made absolute: the agent has another working directory. */
  | "path"
  /** A path, made absolute; an address; or the name of an npm package, as `npm:NAME`. */
  | "source"
  /** ISO 8601, or a duration that ends now: `1h`. */
  | "since"

/** Where a value goes: `params.x`, `query.x`, `body.x`, the whole `body`, `headers.x`, or `local` for the runner. */
export interface CommandValue {
  readonly to: string
  readonly kind?: ValueKind
  readonly summary: string
  /** What a flag sends, where it is not `true`. */
  readonly means?: string
  /** What may be given, where it is one of a few. */
  readonly choices?: readonly string[]
}
export interface CommandArgument extends CommandValue {
  readonly name: string
  readonly optional?: true
  /** Takes all words that are left; the last argument only. */
  readonly variadic?: true
}
export interface CommandOption extends CommandValue {
  /** As commander reads them: `-f, --follow` or `--app <name>`. */
  readonly flags: string
  readonly required?: true
}
