import type { ExecutionId } from "../../base/ids.ts"
import type { Input } from "../../core/execution/input.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import type { Change, Store } from "../../ports/store.ts"
import type { ExecutionStatus } from "../../schema/execution.ts"
import type { ManifestTask } from "../../schema/manifest.ts"
import { TABLE } from "../../schema/tables.ts"

/*
 * How executions lie in the store: docs/spec/execution.md#history.
 * One step is one durable write: the inputs that were taken together. The state is never stored; it is replayed.
 */

/** One durable step. `core` is the node key of the Core that recorded it. */
export interface StepRecord {
  readonly v: 1
  readonly atMs: number
  readonly core: string
  readonly inputs: readonly Input[]
}

/** Which definition an execution is pinned to. */
export interface Pin {
  readonly app: string
  readonly workflow: string
  readonly version: number
  /** A task called outside any application: what was called, as its manifest had it. */
  readonly call?: { readonly service: string; readonly task: string; readonly manifest: ManifestTask }
}

export interface ActiveRecord extends Pin {
  readonly v: 1
}

export interface FinishedRecord extends Pin {
  readonly v: 1
  readonly status: ExecutionStatus
  readonly startedMs: number | null
  readonly finishedMs: number
}

export function stepChange(id: ExecutionId, seq: number, record: StepRecord): Change {
  return { put: TABLE.history, key: [id, seq], value: record }
}

export function activeChange(id: ExecutionId, pin: Pin): Change {
  return { put: TABLE.active, key: [id], value: { v: 1, ...pin } satisfies ActiveRecord }
}

export function finishedChanges(state: ExecutionState, pin: Pin): Change[] {
  const record: FinishedRecord = {
    v: 1,
    ...pin,
    status: state.status,
    startedMs: state.startedMs,
    finishedMs: state.finishedMs ?? 0,
  }
  return [
    { put: TABLE.finished, key: [state.id], value: record },
    { remove: TABLE.active, key: [state.id] },
  ]
}

export function* stepsOf(store: Store, id: ExecutionId): Iterable<{ seq: number; record: StepRecord }> {
  for (const { key, value } of store.range(TABLE.history, { prefix: [id] })) {
    yield { seq: key[1] as number, record: value as StepRecord }
  }
}

export function* inputsOf(store: Store, id: ExecutionId): Iterable<Input> {
  for (const { record } of stepsOf(store, id)) yield* record.inputs
}

export function pinOf(record: ActiveRecord | FinishedRecord): Pin {
  const { app, workflow, version, call } = record
  return { app, workflow, version, ...(call ? { call } : {}) }
}
