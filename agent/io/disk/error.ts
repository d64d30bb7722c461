import { MesgError } from "../../base/errors.ts"

export class DiskError extends MesgError<{ readonly code: "DISK_FAILED"; readonly file: string }> {}
