import type { ExecutionStatus } from "../../schema/execution.ts"
import type { ManifestTask } from "../../schema/manifest.ts"

/** Which definition an execution is pinned to. */
export interface Pin {
  readonly app: string
  readonly workflow: string
  readonly version: number
  /** A task called outside any application: what was called, as its manifest had it. */
  readonly call?: { readonly service: string; readonly task: string; readonly manifest: ManifestTask }
}

/** The steps of an execution as they lie in a record. */
export interface Written {
  /** The node key that they mean by 0. */
  readonly core: string
  /** How many chunks of them are in the history. */
  readonly chunks: number
  /** The steps after those, as text. */
  readonly tail: string
}

/** An ended execution. In version 1 all steps were in the history, one by one. */
export type FinishedRecord = Pin &
  ({ readonly v: 1 } | ({ readonly v: 2 } & Written)) & {
    readonly status: ExecutionStatus
    readonly startedMs: number | null
    readonly finishedMs: number
  }

export function pinOf({ app, workflow, version, call }: Pin): Pin {
  return { app, workflow, version, ...(call ? { call } : {}) }
}
