import { suggest } from "../../base/suggest.ts"
import type { RuleCode } from "../../schema/application.ts"

/** Adds one refusal. `path` is a JSON pointer into the application. */
export type Refuse = (rule: RuleCode, path: string, message: string, remedy: string) => void

/** As many names as a sentence can hold. */
const NAMES_SHOWN_MAX = 12

/** @returns the remedy against a name that is not there: the nearest one that is, or all of them */
export function useInstead(typed: string, known: readonly string[], none: string): string {
  if (known.length === 0) return none
  const near = suggest(typed, known)
  const shown = known.slice(0, NAMES_SHOWN_MAX).join(", ")
  const list = known.length > NAMES_SHOWN_MAX ? `${shown}, …` : shown
  return near === null ? `use one of: ${list}` : `did you mean "${near}"? There are: ${list}`
}
