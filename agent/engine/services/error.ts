import { MesgError } from "../../base/errors.ts"
import type { DataIssue } from "../../schema/data-schema.ts"

export class RegistryError extends MesgError<
  | { code: "SERVICE_NOT_FOUND"; service: string }
  | { code: "SERVICE_TASK_NOT_FOUND"; service: string; task: string }
  | { code: "SERVICE_ID_TAKEN"; service: string }
  | { code: "SERVICE_BUILT_IN"; service: string }
  | { code: "SERVICE_SETTING_UNKNOWN"; service: string; setting: string }
  | { code: "SETTINGS_INVALID"; service: string; issues: readonly DataIssue[] }
  | { code: "SERVICE_REMOTE"; service: string }
  | { code: "SERVICE_STORE_FULL"; service: string }
  | { code: "TOPIC_REFUSED"; service: string; topic: string }
  | { code: "WEBHOOK_TAKEN"; service: string; path: string }
> {}

export function serviceNotFound(service: string): RegistryError {
  return new RegistryError({ code: "SERVICE_NOT_FOUND", service }, `there is no service "${service}"`, {
    remedy: "see what is installed: mesg service list",
  })
}
