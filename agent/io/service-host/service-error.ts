import { MesgError } from "../../base/errors.ts"

/** What can go wrong around a service. The codes of a task's own errors are in docs/spec/service.md#codes. */
export type ServiceErrorDetail =
  | { readonly code: "MANIFEST_MISSING"; readonly file: string }
  | { readonly code: "MANIFEST_INVALID"; readonly file: string; readonly issues: readonly FileIssue[] }
  | { readonly code: "SERVICE_CODE_MISSING"; readonly folder: string }
  | { readonly code: "SERVICE_CODE_INVALID"; readonly file: string }
  | { readonly code: "SETTINGS_INVALID"; readonly service: string }
  | { readonly code: "START_FAILED"; readonly service: string }
  | { readonly code: "START_TIMEOUT"; readonly service: string }
  | { readonly code: "CONFINEMENT_UNSAFE"; readonly path: string }
  | { readonly code: "SERVICE_STOPPED"; readonly service: string }
  | { readonly code: "SERVICE_LIMIT"; readonly service: string; readonly limit: string }
  | { readonly code: "NOT_PLAIN_JSON"; readonly service: string; readonly path: string }
  | { readonly code: "EVENT_TOO_LARGE" | "STORE_VALUE_TOO_LARGE"; readonly service: string }
  | { readonly code: "NETWORK_REFUSED"; readonly target: string }
  | { readonly code: "NETWORK_FAILED"; readonly target: string }
  | { readonly code: "SOURCE_INVALID"; readonly folder: string }
  | { readonly code: "FOLDER_EXISTS"; readonly folder: string }
  | { readonly code: "FOLDER_UNUSABLE"; readonly folder: string }

/** One problem of a file: where, and what. `line` is 1-based. */
export interface FileIssue {
  readonly line: number | null
  readonly path: string
  readonly message: string
}

export class ServiceError extends MesgError<ServiceErrorDetail> {}
