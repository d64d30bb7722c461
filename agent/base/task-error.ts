import { MesgError } from "./errors.ts"

/**
 * Thrown by a task's handler that wants to say more than a sentence: a stable code of its own (UPPER_SNAKE), and, with
 * outcome `unknown`, that it cannot tell whether the effect happened, so that an effectful task is not tried again by itself.
 */
export class TaskError extends MesgError<{ readonly code: string; readonly outcome: "known" | "unknown" }> {
  constructor(code: string, message: string, options: { outcome?: "known" | "unknown"; cause?: unknown } = {}) {
    const { outcome = "known", ...rest } = options
    super({ code, outcome }, message, rest)
  }
}
