import type { ExecutionId } from "../../base/ids.ts"
import type { Input } from "../../core/execution/input.ts"
import { type ExecutionState, isFinished } from "../../core/execution/state.ts"
import type { Change, Store } from "../../ports/store.ts"
import type { ExecutionStatus } from "../../schema/execution.ts"
import type { ManifestTask } from "../../schema/manifest.ts"
import { TABLE } from "../../schema/tables.ts"
import { type StepRecord, stepsOfText, stepText } from "./step-text.ts"

/*
 * How executions lie in the store: docs/spec/execution.md#history.
 * One step is one durable write: the inputs that were taken together. The state is never stored; it is replayed.
 */

/** Which definition an execution is pinned to. */
export interface Pin {
  readonly app: string
  readonly workflow: string
  readonly version: number
  /** A task called outside any application: what was called, as its manifest had it. */
  readonly call?: { readonly service: string; readonly task: string; readonly manifest: ManifestTask }
}

/** What there is once of each execution. In version 1 all steps were in the history, one by one. */
export type HeadRecord = Pin & ({ readonly v: 1 } | ({ readonly v: 2 } & Tail))

interface Tail {
  /** The node key that its steps mean by 0. */
  readonly core: string
  /** How many chunks of it are in the history. */
  readonly chunks: number
  /** The steps after those, as text. */
  readonly tail: string
}

export type FinishedRecord = HeadRecord & {
  readonly status: ExecutionStatus
  readonly startedMs: number | null
  readonly finishedMs: number
}

/** Steps that no longer change: one step in version 1, the text of some in version 2. */
type ChunkRecord = ({ readonly v: 1 } & StepRecord) | { readonly v: 2; readonly core: string; readonly steps: string }

/**
 * Up to this many characters the steps of an execution stay in one record, so that one page is all that a step changes;
 * LMDB gives a record of half a page or more pages of its own.
 */
const TAIL_LENGTH_MAX = 1400

/** What of one execution is in the store, and what each further step changes there. */
export class Journal {
  readonly #id: ExecutionId
  readonly #pin: Pin
  #isStored: boolean
  #written: Tail

  private constructor(id: ExecutionId, pin: Pin, isStored: boolean, written: Tail) {
    this.#id = id
    this.#pin = pin
    this.#isStored = isStored
    this.#written = written
  }

  /** Of an execution that has no step yet. */
  static begin(id: ExecutionId, pin: Pin, core: string): Journal {
    return new Journal(id, pin, false, { core, chunks: 0, tail: "" })
  }

  /** Of one that the store has. */
  static resume(id: ExecutionId, store: Store, head: HeadRecord, core: string): Journal {
    const {
      chunks,
      tail,
      core: by,
    } = head.v === 1 ? { core, chunks: store.count(TABLE.history, { prefix: [id] }), tail: "" } : head
    return new Journal(id, pinOf(head), true, { core: by, chunks, tail })
  }

  /** @param state as the step leaves it @returns what is to be written; the journal goes on behind it */
  record(step: StepRecord, state: ExecutionState): Change[] {
    const { core } = this.#written
    const text = stepText(step, { execution: this.#id, core })
    let { chunks, tail } = this.#written
    tail = tail === "" ? text : `${tail},${text}`
    const changes: Change[] = []
    if (tail.length > TAIL_LENGTH_MAX) {
      changes.push({ put: TABLE.history, key: [this.#id, chunks], value: { v: 2, core, steps: tail } })
      chunks++
      tail = ""
    }
    this.#written = { core, chunks, tail }
    const head = { v: 2, ...this.#pin, core, chunks, tail } as const
    if (isFinished(state)) changes.push(...this.#finish(head, state))
    else changes.push({ put: TABLE.active, key: [this.#id], value: head satisfies HeadRecord })
    this.#isStored = true
    return changes
  }

  #finish(head: HeadRecord, { status, startedMs, finishedMs }: ExecutionState): Change[] {
    const value: FinishedRecord = { ...head, status, startedMs, finishedMs: finishedMs ?? 0 }
    const put: Change = { put: TABLE.finished, key: [this.#id], value }
    return this.#isStored ? [put, { remove: TABLE.active, key: [this.#id] }] : [put]
  }
}

/** @returns null where there is no such execution */
export function headOf(store: Store, id: ExecutionId): HeadRecord | null {
  return (store.get(TABLE.active, [id]) ?? store.get(TABLE.finished, [id]) ?? null) as HeadRecord | null
}

/** Oldest first. */
export function* stepsOf(store: Store, id: ExecutionId, head: HeadRecord): Iterable<StepRecord> {
  if (head.v === 1 || head.chunks > 0) {
    for (const { value } of store.range(TABLE.history, { prefix: [id] })) {
      const chunk = value as ChunkRecord
      if (chunk.v === 1) yield chunk
      else yield* stepsOfText(chunk.steps, { execution: id, core: chunk.core })
    }
  }
  if (head.v === 2) yield* stepsOfText(head.tail, { execution: id, core: head.core })
}

export function* inputsOf(store: Store, id: ExecutionId, head: HeadRecord): Iterable<Input> {
  for (const { inputs } of stepsOf(store, id, head)) yield* inputs
}

/** What goes with an ended execution. */
export function removalOf(store: Store, id: ExecutionId, head: HeadRecord): Change[] {
  const changes: Change[] = [{ remove: TABLE.finished, key: [id] }]
  if (head.v === 2 && head.chunks === 0) return changes
  for (const { key } of store.range(TABLE.history, { prefix: [id] })) changes.push({ remove: TABLE.history, key })
  return changes
}

export function pinOf({ app, workflow, version, call }: Pin): Pin {
  return { app, workflow, version, ...(call ? { call } : {}) }
}
