import type { RuleCode } from "../../../agent/schema/application.ts"
import type { Place } from "./scopes.ts"

/**
 * What a drawing says and an application cannot, beside the rules of applications (docs/spec/application.md#rules),
 * whose codes are used where one applies. See docs/spec/node-red.md#faults.
 */
export const FLOW_CODES = [
  "AGENTS",
  "INPUT",
  "NOTHING_CHOSEN",
  "OUTPUT_STATUS",
  "SETTINGS_GONE",
  "WAIT_BESIDE",
  "WAIT_TIMED_OUT",
  "WAIT_WITHOUT_TASK",
] as const
export type FlowCode = (typeof FLOW_CODES)[number]

/** Why a chain cannot run, on the node that it is to be seen on. */
export interface Fault extends Place {
  readonly code: RuleCode | FlowCode
  readonly message: string
  readonly remedy: string
}
