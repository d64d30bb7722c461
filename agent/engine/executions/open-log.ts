import type { ExecutionId } from "../../base/ids.ts"
import { OPEN_LOG_SPENT_ROWS } from "../../base/limits.ts"
import type { Change, Store } from "../../ports/store.ts"
import { TABLE } from "../../schema/tables.ts"
import { type OpenRow, type Pin, readOpenRow, type Written } from "./records.ts"

const NONE: ReadonlyMap<ExecutionId, readonly number[]> = new Map()

/** An execution that has not ended, as its rows tell it. */
export interface OpenExecution {
  readonly id: ExecutionId
  readonly pin: Pin
  readonly written: Written
  readonly rows: readonly number[]
}

/**
 * The log of all executions that have not ended: their steps in the order of writing, so that the steps of a commit fill
 * pages of their own and no other. The end of an execution has everything in its own record; its rows then are spent and
 * go in batches, which frees whole pages. Until they have gone that record must stay: without it they are open again.
 */
export class OpenLog {
  #next = 0
  /** Rows that count no more, by the execution that they tell of. */
  #spent = new Map<ExecutionId, number[]>()
  #spentCount = 0
  /** Those of them that are being removed. */
  #leaving: ReadonlyMap<ExecutionId, readonly number[]> = NONE

  /** The number of a new row. */
  next(): number {
    return this.#next++
  }

  /** These rows of an execution count no more, and what takes their place is durable. */
  drop(id: ExecutionId, rows: readonly number[]): void {
    const before = this.#spent.get(id)
    if (before === undefined) this.#spent.set(id, rows.slice())
    else before.push(...rows)
    this.#spentCount += rows.length
  }

  /** What may be removed with any write: nothing, until it is a batch. `removed` is to be called when that is durable. */
  removals(): readonly Change[] {
    if (this.#spentCount < OPEN_LOG_SPENT_ROWS || this.#leaving.size > 0) return NOTHING
    this.#leaving = this.#spent
    this.#spent = new Map()
    this.#spentCount = 0
    return [...this.#leaving.values()].flat().map(removalOfRow)
  }

  removed(): void {
    this.#leaving = NONE
  }

  /** Spent rows of one execution that may still be there: they go with its record, in one write. */
  removalsOf(id: ExecutionId): Change[] {
    return [...(this.#leaving.get(id) ?? []), ...(this.#spent.get(id) ?? [])].map(removalOfRow)
  }

  /** Reads the log at the start. @returns its executions in the order of their creation, ended ones among them */
  load(store: Store): Iterable<OpenExecution> {
    const executions = new Map<ExecutionId, Reading>()
    for (const { key, value } of store.range(TABLE.open)) {
      const number = key[0] as number
      const row = readOpenRow(value)
      let reading = executions.get(row.execution)
      if (reading === undefined) executions.set(row.execution, (reading = new Reading(row.execution)))
      reading.take(number, row)
      this.#next = number + 1
    }
    return executions.values()
  }
}

/** Reads the rows of one execution. @returns null where none of them is in the store */
export function readRows(store: Store, id: ExecutionId, rows: readonly number[]): OpenExecution | null {
  const reading = new Reading(id)
  for (const number of rows) {
    const row = store.get(TABLE.open, [number])
    // It is on its way, as is all that follows.
    if (row === undefined) break
    reading.take(number, readOpenRow(row))
  }
  return reading.rows.length === 0 ? null : reading
}

class Reading implements OpenExecution {
  readonly id: ExecutionId
  pin: Pin = { app: "", workflow: "", version: 0 }
  written: Written = { core: "", chunks: 0, tail: "" }
  readonly rows: number[] = []

  constructor(id: ExecutionId) {
    this.id = id
  }

  take(number: number, row: OpenRow): void {
    this.rows.push(number)
    if (row.head !== null) {
      const { pin, core, chunks } = row.head
      this.pin = pin
      this.written = { core, chunks, tail: row.steps }
    } else {
      const { tail } = this.written
      this.written = { ...this.written, tail: tail === "" ? row.steps : `${tail},${row.steps}` }
    }
  }
}

function removalOfRow(row: number): Change {
  return { remove: TABLE.open, key: [row] }
}

const NOTHING: readonly Change[] = []
