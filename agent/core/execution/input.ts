import type { ExecutionId } from "../../base/ids.ts"
import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"

/**
 * Everything that can happen to an execution. Inputs are recorded as they are and replayed for ever:
 * a field may be added, never changed or taken away (docs/spec/execution.md#history).
 * `task` is the index in the definition. Times are ms since epoch and never go back.
 */
export type Input = { readonly atMs: number } & (
  | {
      /** First input of every execution. `held`: it waits for its turn (`overlap: queue`). */
      readonly kind: "triggered"
      readonly execution: ExecutionId
      readonly event: Event
      readonly held: boolean
      readonly retryOf: ExecutionId | null
    }
  | { readonly kind: "released" }
  | { readonly kind: "event"; readonly event: Event }
  /** What a wait's `where` said of the kept event. */
  | { readonly kind: "judged"; readonly task: number; readonly number: number; readonly match: boolean }
  | { readonly kind: "prepared"; readonly task: number; readonly inputs: Json }
  /** The inputs could not be evaluated or break the task's schema. */
  | { readonly kind: "unprepared"; readonly task: number; readonly code: string; readonly message: string }
  | { readonly kind: "assigned"; readonly task: number; readonly core: string }
  | { readonly kind: "started"; readonly task: number }
  | { readonly kind: "submitted"; readonly task: number; readonly status: string; readonly data: Json }
  | { readonly kind: "verified"; readonly task: number; readonly correct: boolean }
  /** The one result of a task; `status` may be built in. */
  | { readonly kind: "result"; readonly task: number; readonly status: string; readonly data: Json }
  /** One attempt ended without a result. `outcome` unknown: the effect may have happened. */
  | {
      readonly kind: "attempt-failed"
      readonly task: number
      readonly attempt: number
      readonly cause: "error" | "timed-out" | "interrupted"
      readonly code: string
      readonly message: string
      readonly outcome: "known" | "unknown"
    }
  /** Time passed: whatever is due by now happens. */
  | { readonly kind: "elapsed" }
  | { readonly kind: "cancel" }
)

export type InputKind = Input["kind"]
