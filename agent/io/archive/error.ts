import { MesgError } from "../../base/errors.ts"

export class ArchiveError extends MesgError<
  | { readonly code: "ARCHIVE_FAILED"; readonly file: string }
  | { readonly code: "ARCHIVE_DAMAGED"; readonly file: string }
> {}
