import { MesgError } from "../../base/errors.ts"
import type { Refusal } from "../../schema/application.ts"
import type { DataIssue } from "../../schema/data-schema.ts"

export class ApplicationError extends MesgError<
  | { code: "APPLICATION_REFUSED"; refusals: readonly Refusal[] }
  | { code: "APPLICATION_NOT_FOUND"; application: string }
  | { code: "APPLICATION_CONFIG_INVALID"; application: string; issues: readonly DataIssue[] }
  | { code: "OUTCOME_INVALID"; task: string }
  | { code: "WORKFLOW_NOT_FOUND"; application: string; workflow: string }
> {}
