import { MesgError } from "../../base/errors.ts"

/** What can go wrong on the way from a name to a folder with a service. `source` never holds a password. */
export class SourceError extends MesgError<
  | { readonly code: "SOURCE_NOT_FOUND"; readonly source: string }
  | { readonly code: "PACKAGE_INVALID"; readonly source: string }
  | { readonly code: "PACKAGE_TOO_LARGE"; readonly source: string; readonly max: number }
  | { readonly code: "PACKAGE_NOT_FOUND"; readonly source: string }
  /** The bytes are not those that were promised. */
  | { readonly code: "PACKAGE_ALTERED"; readonly source: string }
  | { readonly code: "DOWNLOAD_FAILED"; readonly source: string }
> {}

export function invalid(source: string, what: string, cause?: unknown): SourceError {
  return new SourceError({ code: "PACKAGE_INVALID", source }, `${source} is no packed service: ${what}`, {
    remedy: "pack the service's folder with `npm pack`",
    cause,
  })
}

export function tooLarge(source: string, max: number, what: string): SourceError {
  return new SourceError({ code: "PACKAGE_TOO_LARGE", source, max }, `${source} has more than ${max} ${what}`, {
    remedy: "leave out what the service does not need to run: `files` in its package.json says what is packed",
  })
}
