import type { ApiDeps } from "../deps.ts"
import type { InputOf, OutputOf } from "../operations/schemas/table.ts"
import type { OperationId } from "../operations/table.ts"
import type { Streams } from "./stream.ts"
import type { Token } from "./tokens.ts"

/** What a handler knows of the request beside its input. */
export interface RequestContext {
  /** Who calls; null on routes without a token. */
  readonly token: Token | null
  /** Ends when the caller goes away, or the agent stops. */
  readonly signal: AbortSignal
  /** How long the caller wants to wait for the end of what it starts: 0..HTTP_WAIT_S_MAX seconds. */
  readonly waitMs: number
  readonly idempotencyKey: string | null
  /** What the caller reads: its `Accept` header. */
  readonly accept: string
  readonly lastEventId: string | null
  readonly streams: Streams
}

/** An answer with another status than the operation's usual one. */
export class Reply<Body> {
  readonly status: number
  readonly body: Body

  constructor(status: number, body: Body) {
    this.status = status
    this.body = body
  }
}

/** Carries out one operation. Refusals are thrown as MesgErrors; anything else thrown is a bug. */
export type Handler<Id extends OperationId> = (
  deps: ApiDeps,
  input: InputOf<Id>,
  context: RequestContext,
) => Result<OutputOf<Id>> | Promise<Result<OutputOf<Id>>>

type Result<Output> = Output | Reply<Output> | Response
export type Handlers<Ids extends OperationId> = { readonly [Id in Ids]: Handler<Id> }
