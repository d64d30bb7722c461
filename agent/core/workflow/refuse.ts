import type { RuleCode } from "../../schema/application.ts"

/** Adds one refusal. `path` is a JSON pointer into the application. */
export type Refuse = (rule: RuleCode, path: string, message: string, remedy: string) => void
