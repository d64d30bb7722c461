import type { Event } from "../../schema/event.ts"
import type { Json } from "../../schema/json.ts"

/**
 * What the runner must do after it has recorded the input. `task` is the index in the definition.
 * `judge` and `prepare` only evaluate expressions: their answers join the same durable step.
 * The others reach outside and are done only when the step is durable; they carry enough to be repeated harmlessly.
 */
export type Effect =
  | { readonly kind: "judge"; readonly task: number; readonly number: number; readonly event: Event }
  | { readonly kind: "prepare"; readonly task: number }
  /** The task wants a Core to run it: answer with `assigned` and `started`. */
  | { readonly kind: "start"; readonly task: number }
  /** Run this attempt; its key is the task execution id. */
  | { readonly kind: "execute"; readonly task: number; readonly attempt: number; readonly inputs: Json }
  | { readonly kind: "verify"; readonly task: number; readonly status: string; readonly data: Json }
  | { readonly kind: "abort"; readonly task: number }
  /** Send `elapsed` at or after this time. */
  | { readonly kind: "wake"; readonly atMs: number }
