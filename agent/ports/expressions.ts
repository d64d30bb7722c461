import type { Soon } from "../base/soon.ts"
import type { Json } from "../schema/json.ts"

/** What an expression may name. See docs/spec/application.md#expressions. */
export interface ExpressionScope {
  readonly trigger?: Json
  readonly tasks?: Json
  readonly config?: Json
  readonly event?: Json
  readonly data?: Json
}

export type Evaluated =
  | { readonly ok: true; readonly value: Json | undefined }
  | { readonly ok: false; readonly message: string }

export interface Expressions {
  /** @returns null if it parses and uses nothing refused, else the reason */
  check(source: string): string | null
  /** @returns the paths of plain names it reads from its scope: `tasks.pay.data` is ["tasks", "pay", "data"] */
  paths(source: string): readonly (readonly string[])[]
  /**
   * Within the bounds of limits.ts; answers at once where no waiting is needed.
   * `nowMs` is what `$now()` and `$millis()` say.
   */
  evaluate(source: string, scope: ExpressionScope, nowMs: number): Soon<Evaluated>
}
