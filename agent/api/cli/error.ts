import { isMesgError, MesgError } from "../../base/errors.ts"

export type CliErrorDetail =
  | {
      readonly code:
        | "NO_AGENT"
        | "AGENT_UNREACHABLE"
        | "USAGE"
        | "FILE_UNREADABLE"
        | "FILE_UNWRITABLE"
        | "FILE_EXISTS"
        | "INTERRUPTED"
    }
  /** What the agent refused, with its code. */
  | { readonly code: string; readonly status: number; readonly problem: Readonly<Record<string, unknown>> }

export class CliError extends MesgError<CliErrorDetail> {}

export const EXIT = { ok: 0, failed: 1, usage: 2, noAgent: 3, notAllowed: 4 } as const

/** What was typed is wrong, whoever found it. */
const OF_USAGE: ReadonlySet<string> = new Set(["USAGE", "HOME_INVALID", "INPUT_INVALID"])

/** @returns the exit code of anything that ended a command */
export function exitCodeOf(error: unknown): number {
  if (!isMesgError(error)) return EXIT.failed
  if (OF_USAGE.has(error.code)) return EXIT.usage
  if (error.code === "NO_AGENT") return EXIT.noAgent
  const status = (error.detail as { status?: unknown }).status
  return status === 401 || status === 403 ? EXIT.notAllowed : EXIT.failed
}
