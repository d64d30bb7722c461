import type { ExecutionId } from "../../base/ids.ts"
import { type ExecutionState, isFinished } from "../../core/execution/state.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import type { OpenExecution, OpenLog } from "./open-log.ts"
import { type EndedExecution, endedRecord, type OpenRow, openRow, type Pin, type Written } from "./records.ts"
import { type StepRecord, stepsOfText, stepText } from "./step-text.ts"

/*
 * How executions lie in the store: docs/spec/execution.md#history.
 * One step is one durable write: the inputs that were taken together. The state is never stored; it is replayed.
 */

/** Steps that no longer change: one step in version 1, the text of some in version 2. */
type ChunkRecord = ({ readonly v: 1 } & StepRecord) | { readonly v: 2; readonly core: string; readonly steps: string }

/**
 * Up to this many characters the steps of an execution stay in one record; LMDB gives a record of half a page or more
 * pages of its own.
 */
const TAIL_LENGTH_MAX = 1400

export interface Recorded {
  readonly changes: readonly Change[]
  /** How many of the journal's rows count no more once that is durable. */
  readonly spent: number
}

/** What of one execution is in the store, and what each further step writes there. */
export class Journal {
  /** Its rows in the log of open executions, oldest first, with those that are spent and not settled. */
  readonly rows: number[]
  readonly #log: OpenLog
  readonly #id: ExecutionId
  readonly #pin: Pin
  #written: Written
  #unsettled = 0

  private constructor(log: OpenLog, id: ExecutionId, pin: Pin, written: Written, rows: readonly number[]) {
    this.#log = log
    this.#id = id
    this.#pin = pin
    this.#written = written
    this.rows = rows.slice()
  }

  /** Of an execution that has no step yet. */
  static begin(log: OpenLog, id: ExecutionId, pin: Pin, core: string): Journal {
    return new Journal(log, id, pin, { core, chunks: 0, tail: "" }, [])
  }

  /** Of one that the store has. */
  static resume(log: OpenLog, { id, pin, written, rows }: OpenExecution): Journal {
    return new Journal(log, id, pin, written, rows)
  }

  /** @param state as the step leaves it @returns what is to be written; the journal goes on behind it */
  record(step: StepRecord, state: ExecutionState): Recorded {
    const { core } = this.#written
    let { chunks, tail } = this.#written
    const text = stepText(step, { execution: this.#id, core })
    tail = tail === "" ? text : `${tail},${text}`
    const isLong = tail.length > TAIL_LENGTH_MAX
    const chunk: Change | null = isLong
      ? { put: TABLE.history, key: [this.#id, chunks++], value: { v: 2, core, steps: tail } }
      : null
    if (isLong) tail = ""
    const written = { core, chunks, tail }
    const live = this.rows.length - this.#unsettled
    const newest = isFinished(state)
      ? this.#finished(state, written)
      : isLong || live === 0
        ? this.#row(tail, { pin: this.#pin, core, chunks })
        : this.#row(text, null)
    const changes = chunk === null ? [newest] : [chunk, newest]
    const spent = isLong || isFinished(state) ? live : 0
    this.#unsettled += spent
    // Behind the end comes no step: what is on its way into the store need not be held here too.
    this.#written = isFinished(state) ? { core, chunks, tail: "" } : written
    return { changes, spent }
  }

  /** What a step has spent may go: it is durable. */
  settle(spent: number): void {
    if (spent === 0) return
    this.#log.drop(this.#id, this.rows.splice(0, spent))
    this.#unsettled -= spent
  }

  #row(steps: string, head: OpenRow["head"]): Change {
    const number = this.#log.next()
    this.rows.push(number)
    return { put: TABLE.open, key: [number], value: openRow({ execution: this.#id, steps, head }) }
  }

  #finished({ status, startedMs, finishedMs }: ExecutionState, written: Written): Change {
    const ended = { pin: this.#pin, status, startedMs, finishedMs: finishedMs ?? 0, written }
    return { put: TABLE.finished, key: [this.#id], value: endedRecord(ended) }
  }
}

/** Oldest first. */
export function stepsOf(
  store: Store,
  id: ExecutionId,
  { written }: Pick<EndedExecution, "written">,
): Iterable<StepRecord> {
  return written === null ? chunksOf(store, id) : stepsWritten(store, id, written)
}

/** @param chunks how many of those in the history count; what a cut left behind them does not */
export function* stepsWritten(store: Store, id: ExecutionId, { core, chunks, tail }: Written): Iterable<StepRecord> {
  if (chunks > 0) yield* chunksOf(store, id, chunks)
  yield* stepsOfText(tail, { execution: id, core })
}

function* chunksOf(store: Store, id: ExecutionId, limit?: number): Iterable<StepRecord> {
  const range = { prefix: [id], ...(limit === undefined ? {} : { limit }) }
  for (const { value } of store.range(TABLE.history, range)) {
    const chunk = value as ChunkRecord
    if (chunk.v === 1) yield chunk
    else yield* stepsOfText(chunk.steps, { execution: id, core: chunk.core })
  }
}

/** What goes with an ended execution. */
export function removalOf(store: Store, id: ExecutionId, { written }: EndedExecution): Change[] {
  const changes: Change[] = [{ remove: TABLE.finished, key: [id] }]
  if (written?.chunks === 0) return changes
  for (const { key } of store.range(TABLE.history, { prefix: [id] })) changes.push({ remove: TABLE.history, key })
  return changes
}
