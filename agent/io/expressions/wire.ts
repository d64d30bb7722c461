import type { ExpressionScope } from "../../ports/expressions.ts"

/** What crosses from the evaluator to its thread, and back. */
export interface Question {
  readonly id: number
  readonly source: string
  readonly scope: ExpressionScope
  readonly nowMs: number
}
export type Answer =
  | { readonly id: number; readonly ok: true; readonly json: string | undefined }
  | { readonly id: number; readonly ok: false; readonly message: string }

/** The id of what the thread says when it is loaded, before any answer. */
export const READY = 0
