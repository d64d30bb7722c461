import type { MesgError } from "../../base/errors.ts"

/** Problem details of RFC 9457, with our stable code and what to do about it. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly remedy?: string
  /** The fields of the error, such as `refusals` of an application. */
  readonly [extension: string]: unknown
}

export const PROBLEM_MEDIA_TYPE = "application/problem+json"

/** Statuses by code. Codes that are not here follow the rule of their last word, and are 500 without one. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  BODY_MISSING: 400,
  BODY_NOT_UTF8: 400,
  BODY_NOT_JSON: 400,
  BODY_VALUE_INVALID: 400,
  BODY_TOO_DEEP: 400,
  BODY_UNEXPECTED: 400,
  BODY_INTERRUPTED: 400,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  INPUT_INVALID: 422,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  HOST_NOT_ALLOWED: 421,
  ORIGIN_NOT_ALLOWED: 403,
  METHOD_NOT_ALLOWED: 405,
  METHOD_UNKNOWN: 501,
  HEADERS_TOO_LARGE: 431,
  REQUEST_TIMEOUT: 408,
  REQUEST_MALFORMED: 400,
  TOO_MANY_TOKENS: 409,
  TOO_MANY_STREAMS: 503,
  IDEMPOTENCY_KEY_INVALID: 400,
  IDEMPOTENCY_KEY_REUSED: 409,
  IDEMPOTENCY_UNSUPPORTED: 400,
  IDEMPOTENCY_IN_PROGRESS: 409,
  IDEMPOTENCY_INTERRUPTED: 409,
  NAME_MISMATCH: 422,
  NOT_READY: 503,
  BACKUP_FAILED: 500,
  BACKUP_RUNNING: 409,
  NETWORK_DISABLED: 409,
  CHAIN_JOINED: 409,
  CHAIN_NOT_JOINED: 409,
  STATE_INCOMPLETE: 503,
  CHAIN_NOT_ENROLLED: 409,
  ACCOUNT_EXISTS: 409,
  ACCOUNT_LOST: 409,
  NOT_A_VALIDATOR: 409,
  VALIDATOR_LEAVES: 409,
  SIGN_STATE_EXISTS: 409,
  GENESIS_UNREADABLE: 422,
  GENESIS_REFUSED: 422,
  GENESIS_UNSIGNED: 422,
  PASSPHRASE_SHORT: 422,
  INTERNAL: 500,
  UNKNOWN_SERVICE: 404,
  UNKNOWN_EVENT: 404,
  EVENT_TOO_LARGE: 413,
  OVERLOADED: 429,
  SAFE_MODE: 503,
  QUOTA: 429,
  WRITE_FAILED: 503,
  EXECUTION_ENDED: 409,
  EXECUTION_NOT_ENDED: 409,
  APPLICATION_REFUSED: 422,
  MANIFEST_MISSING: 422,
  PACKAGE_ALTERED: 422,
  DOWNLOAD_FAILED: 502,
  START_FAILED: 422,
  START_TIMEOUT: 504,
  EXECUTION_VERSION_GONE: 409,
  SERVICE_BUILT_IN: 409,
  SERVICE_ID_TAKEN: 409,
  SERVICE_REMOTE: 409,
  SERVICE_STOPPED: 409,
  SERVICE_NOT_RUNNING: 409,
  SERVICE_NOT_TRUSTED: 422,
  SERVICE_SETTING_UNKNOWN: 422,
  SERVICE_CODE_MISSING: 422,
  SERVICE_LIMIT: 429,
  SERVICE_STORE_FULL: 429,
  CONFINEMENT_UNSAFE: 409,
  NETWORK_REFUSED: 403,
  NETWORK_FAILED: 502,
  NOT_PLAIN_JSON: 422,
  WEBHOOK_TAKEN: 409,
  HOOK_FAILED: 502,
  SERVICE_BUSY: 429,
  FOLDER_EXISTS: 409,
  FOLDER_UNUSABLE: 409,
  STORE_OVERLOADED: 429,
  STORE_CLOSED: 503,
  CONFIG_UNKNOWN_KEY: 404,
  CONFIG_SYNTAX: 422,
  CONFIG_UNREADABLE: 500,
  CONFIG_UNWRITABLE: 500,
}

const STATUS_OF_ENDING: readonly (readonly [ending: string, status: number])[] = [
  ["_NOT_FOUND", 404],
  ["_INVALID", 422],
  ["_UNSUPPORTED", 422],
  ["_REFUSED", 422],
  ["_TOO_LARGE", 413],
  ["_TIMEOUT", 504],
]

const TITLES: Readonly<Record<number, string>> = {
  400: "The request cannot be read",
  401: "A token is needed",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  408: "Not in time",
  409: "Not possible as things stand",
  413: "Too large",
  415: "Unsupported content type",
  421: "Not the host that was asked for",
  422: "The request breaks a rule",
  429: "Too much at once",
  431: "Too large",
  500: "The agent failed",
  501: "Unknown",
  502: "Another party failed",
  503: "Not available now",
  504: "Not in time",
}

/** When to come back, for answers that say so: the store empties slowly, a queue fast. */
const RETRY_AFTER_S: Readonly<Record<string, number>> = {
  OVERLOADED: 1,
  STORE_OVERLOADED: 1,
  QUOTA: 60,
  NOT_READY: 1,
  STATE_INCOMPLETE: 1,
  TOO_MANY_STREAMS: 10,
}

/** @returns the HTTP status of an error code */
export function statusOfCode(code: string): number {
  return STATUS_OF_CODE[code] ?? STATUS_OF_ENDING.find(([ending]) => code.endsWith(ending))?.[1] ?? 500
}

/** @returns the problem details of an error, its fields as extension members */
export function problemOf(error: MesgError): Problem {
  const status = statusOfCode(error.code)
  return {
    ...error.detail,
    type: `urn:mesg:problem:${error.code}`,
    title: TITLES[status] ?? "Refused",
    status,
    detail: error.message,
    code: error.code,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  }
}

/** @returns the answer that carries a problem, with the headers its status asks for */
export function problemResponse(problem: Problem): Response {
  const headers = new Headers({ "content-type": PROBLEM_MEDIA_TYPE })
  const retryAfterS = problem["retryAfterS"] ?? RETRY_AFTER_S[problem.code]
  if (typeof retryAfterS === "number") headers.set("retry-after", String(retryAfterS))
  if (problem.status === 401) headers.set("www-authenticate", 'Bearer realm="mesg"')
  if (Array.isArray(problem["allow"])) headers.set("allow", problem["allow"].join(", "))
  return new Response(JSON.stringify(problem), { status: problem.status, headers })
}
