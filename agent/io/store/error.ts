import { MesgError, messageOf } from "../../base/errors.ts"

/** What can go wrong with the store; docs/spec/store.md tells each one's cause and what follows. */
export type StoreErrorDetail =
  | { readonly code: "QUOTA"; readonly bytes: number; readonly quotaBytes: number }
  | { readonly code: "WRITE_FAILED" }
  | { readonly code: "STORE_CLOSED" }
  | { readonly code: "STORE_OVERLOADED" }
  | { readonly code: "STORE_DAMAGED"; readonly file: string }
  | { readonly code: "STORE_NEWER"; readonly format: number; readonly known: number }
  | { readonly code: "STORE_IN_USE"; readonly pid: number | null }
  | { readonly code: "STORE_NOT_WRITABLE"; readonly path: string }
  | { readonly code: "STORE_UNUSABLE" }
  | { readonly code: "KEY_INVALID" }
  | { readonly code: "BACKUP_FAILED"; readonly file: string }
  | { readonly code: "BACKUP_INVALID"; readonly file: string }

export class StoreError extends MesgError<StoreErrorDetail> {}

export function notWritable(path: string, cause: unknown): StoreError {
  return new StoreError({ code: "STORE_NOT_WRITABLE", path }, `the store cannot be written: ${messageOf(cause)}`, {
    remedy: "let the agent's user own the home directory, make room on the disk, or give another --home",
    cause,
  })
}

/** @returns whether a call failed for want of room on the disk */
export function isNoSpace(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  return code === "ENOSPC" || code === "EDQUOT"
}
