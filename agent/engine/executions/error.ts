import { MesgError } from "../../base/errors.ts"

export class ExecutionError extends MesgError<
  | { code: "EXECUTION_NOT_FOUND"; execution: string }
  | { code: "EXECUTION_ENDED"; execution: string }
  | { code: "EXECUTION_NOT_ENDED"; execution: string }
  | { code: "EXECUTION_VERSION_GONE"; execution: string }
> {}
