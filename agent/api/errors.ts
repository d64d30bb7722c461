import { MesgError } from "../base/errors.ts"

/** Refusals of the HTTP API itself; those of the engine pass through it with their own codes. */
export type ApiErrorDetail =
  | {
      readonly code:
        | "BODY_MISSING"
        | "BODY_NOT_UTF8"
        | "BODY_NOT_JSON"
        | "BODY_VALUE_INVALID"
        | "BODY_TOO_DEEP"
        | "BODY_UNEXPECTED"
        | "BODY_INTERRUPTED"
        | "CONTENT_TYPE_UNSUPPORTED"
        | "UNAUTHENTICATED"
        | "HOST_NOT_ALLOWED"
        | "ORIGIN_NOT_ALLOWED"
        | "ROUTE_NOT_FOUND"
        | "HOOK_NOT_FOUND"
        | "HOOK_FAILED"
        | "TOKEN_NOT_FOUND"
        | "TOKEN_INVALID"
        | "TOO_MANY_TOKENS"
        | "TOO_MANY_STREAMS"
        | "IDEMPOTENCY_KEY_INVALID"
        | "IDEMPOTENCY_KEY_REUSED"
        | "IDEMPOTENCY_UNSUPPORTED"
        | "IDEMPOTENCY_IN_PROGRESS"
        | "IDEMPOTENCY_INTERRUPTED"
        | "NAME_MISMATCH"
        | "METHOD_UNKNOWN"
        | "HEADERS_TOO_LARGE"
        | "REQUEST_TIMEOUT"
        | "REQUEST_MALFORMED"
        | "NOT_READY"
        | "BACKUP_FAILED"
        | "BACKUP_RUNNING"
        | "NETWORK_DISABLED"
        | "GENESIS_UNREADABLE"
        | "GENESIS_UNSIGNED"
        | "INTERNAL"
    }
  | { readonly code: "HTTP_LISTEN_FAILED"; readonly address: string; readonly port: number }
  | { readonly code: "GENESIS_REFUSED"; readonly fault: string }
  | { readonly code: "CHAIN_JOINED"; readonly chain: string }
  | { readonly code: "BODY_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "INPUT_INVALID"; readonly errors: readonly { pointer: string; message: string }[] }
  | { readonly code: "FORBIDDEN"; readonly scope: string }
  | { readonly code: "RATE_LIMITED"; readonly retryAfterS: number }
  | { readonly code: "METHOD_NOT_ALLOWED"; readonly allow: readonly string[] }

export class ApiError extends MesgError<ApiErrorDetail> {}
