import { type ExecutionId, sortableId } from "../../base/ids.ts"
import type { ExecutionState } from "../../core/execution/state.ts"
import { replay } from "../../core/execution/replay.ts"
import type { Change, Key } from "../../ports/store.ts"
import type { ExecutionView } from "../../schema/execution.ts"
import { TABLE } from "../../schema/tables.ts"
import { type PinnedWorkflow, pinCall } from "../applications/pinned.ts"
import type { ExecutionFilter, Page } from "../core.ts"
import { pageSize } from "../page.ts"
import type { EnginePorts } from "../ports.ts"
import { ExecutionError } from "./error.ts"
import { Journal, removalOf, stepsOf, stepsWritten } from "./journal.ts"
import { Live } from "./live.ts"
import { type OpenExecution, OpenLog, readRows } from "./open-log.ts"
import { type Pin, readEnded } from "./records.ts"
import type { Runner } from "./runner.ts"
import type { StepRecord } from "./step-text.ts"
import { executionView } from "./view.ts"

/** The definitions that executions are pinned to. */
export interface Pins {
  pinned(app: string, workflow: string, version: number): PinnedWorkflow | null
}

export interface Loaded {
  readonly state: ExecutionState
  readonly pin: Pin
  readonly pinned: PinnedWorkflow
  readonly steps: readonly StepRecord[]
}

export interface EndedCounts {
  completed: number
  failed: number
  cancelled: number
}

/** Executions as the store has them: histories that are replayed when somebody asks. */
export class Archive {
  readonly #ports: EnginePorts
  readonly #pins: Pins

  constructor(ports: EnginePorts, pins: Pins) {
    this.#ports = ports
    this.#pins = pins
  }

  /** What a pin points to. @throws ExecutionError EXECUTION_VERSION_GONE */
  resolve(id: ExecutionId, pin: Pin): PinnedWorkflow {
    const { app, workflow, version, call } = pin
    const pinned = call ? pinCall(call.service, call.task, call.manifest) : this.#pins.pinned(app, workflow, version)
    if (pinned !== null) return pinned
    throw new ExecutionError(
      { code: "EXECUTION_VERSION_GONE", execution: id },
      `version ${version} of application "${app}" is no longer kept`,
    )
  }

  /** One execution that cannot go on must not keep the others from it. */
  #pinnedOrTold(id: ExecutionId, pin: Pin): PinnedWorkflow | null {
    try {
      return this.resolve(id, pin)
    } catch (error) {
      if (!(error instanceof ExecutionError)) throw error
      this.#ports.log.error("an execution cannot go on", { execution: id, code: error.code, reason: error.message })
      return null
    }
  }

  /**
   * @param rows of its journal, where it has not ended
   * @throws ExecutionError EXECUTION_NOT_FOUND, EXECUTION_VERSION_GONE
   */
  load(id: ExecutionId, rows: readonly number[] = []): Loaded {
    const { store } = this.#ports
    const record = store.get(TABLE.finished, [id])
    const ended = record === undefined ? null : readEnded(record)
    const open = ended === null ? readRows(store, id, rows) : null
    const kept = ended ?? open
    if (kept === null) {
      throw new ExecutionError({ code: "EXECUTION_NOT_FOUND", execution: id }, `there is no execution ${id}`, {
        remedy: "see what there is: mesg execution list",
      })
    }
    const { pin } = kept
    const pinned = this.resolve(id, pin)
    const steps = [...stepsOf(store, id, kept)]
    const state = replay(
      pinned.definition,
      steps.flatMap((step) => step.inputs),
    )
    if (state === null) {
      throw new ExecutionError({ code: "EXECUTION_NOT_FOUND", execution: id }, `execution ${id} has no history`)
    }
    return { state, pin, pinned, steps }
  }

  /** An ended execution as if it were in memory, null where it is gone. */
  revive(id: ExecutionId): Live | null {
    if (this.#ports.store.get(TABLE.finished, [id]) === undefined) return null
    const { state, pin, pinned } = this.load(id)
    // It takes no step any more.
    const live = new Live(id, pin, pinned, Journal.begin(new OpenLog(), id, pin, ""))
    live.state = state
    live.durable = state
    return live
  }

  /** Newest first. Running ones come from memory, ended ones from the store. */
  list(filter: ExecutionFilter, active: Iterable<Live>): Page<ExecutionView> {
    const size = pageSize(filter.limit)
    const items: ExecutionView[] = []
    let last: ExecutionId | null = null
    for (const { id, view } of this.#merged(filter, active)) {
      if (items.length === size) return { items, cursor: last }
      items.push(view())
      last = id
    }
    return { items, cursor: null }
  }

  *#merged(filter: ExecutionFilter, active: Iterable<Live>): Iterable<{ id: ExecutionId; view: () => ExecutionView }> {
    const before = (filter.cursor ?? null) as ExecutionId | null
    const running = [...active]
      .filter(
        ({ id, durable: state }) =>
          state !== null &&
          (before === null || id < before) &&
          this.#passes(filter, state.definition.app, state.status, state.startedMs),
      )
      .sort((a, b) => (a.id < b.id ? 1 : -1))
    const isActiveStatus = filter.status === "created" || filter.status === "running" || filter.status === "waiting"
    const finished = isActiveStatus ? [][Symbol.iterator]() : this.#finished(filter, before)[Symbol.iterator]()
    let next = finished.next()
    for (const live of running) {
      while (!next.done && next.value.id > live.id) {
        yield next.value
        next = finished.next()
      }
      // Its end is in the store, and about to be known here.
      if (!next.done && next.value.id === live.id) next = finished.next()
      const state = live.durable!
      yield { id: live.id, view: () => executionView(state) }
    }
    for (; !next.done; next = finished.next()) yield next.value
  }

  *#finished(
    filter: ExecutionFilter,
    before: ExecutionId | null,
  ): Iterable<{ id: ExecutionId; view: () => ExecutionView }> {
    const range = { reverse: true, ...(before === null ? {} : { start: [before] }) }
    for (const { key, value } of this.#ports.store.range(TABLE.finished, range)) {
      const id = key[0] as ExecutionId
      const { pin, status, startedMs } = readEnded(value)
      if (id === before || !this.#passes(filter, pin.app, status, startedMs)) continue
      yield { id, view: () => executionView(this.load(id).state) }
    }
  }

  #passes(filter: ExecutionFilter, app: string, status: string, startedMs: number | null): boolean {
    if (filter.app !== undefined && filter.app !== app) return false
    if (filter.status !== undefined && filter.status !== status) return false
    return filter.sinceMs === undefined || (startedMs ?? 0) >= filter.sinceMs
  }

  /** How many of the kept executions ended in which way, but for those in `except`. Walks all of them. */
  countEnded(except: { has(id: ExecutionId): boolean }): EndedCounts {
    const counts = { completed: 0, failed: 0, cancelled: 0 }
    for (const { key, value } of this.#ports.store.range(TABLE.finished)) {
      if (except.has(key[0] as ExecutionId)) continue
      const { status } = readEnded(value)
      if (status in counts) counts[status as keyof EndedCounts]++
    }
    return counts
  }

  /** Which definitions ended executions are pinned to, `size` of them at a time: between two pages nothing is held. */
  *endedPins(size: number): Iterable<readonly Pin[]> {
    for (let start: { start?: Key } = {}; ; ) {
      const page = [...this.#ports.store.range(TABLE.finished, { ...start, limit: size })]
      yield page.map(({ value }) => readEnded(value).pin)
      const last = page.at(-1)
      if (last === undefined || page.length < size) return
      start = { start: last.key }
    }
  }

  /** Everything that had not ended when the agent stopped. */
  *unfinished(log: OpenLog): Iterable<{
    open: OpenExecution
    state: ExecutionState | null
    pinned: PinnedWorkflow
  }> {
    const { store } = this.#ports
    for (const open of log.load(store)) {
      const { id, pin, written, rows } = open
      if (store.get(TABLE.finished, [id]) !== undefined) {
        log.drop(id, rows)
        continue
      }
      const pinned = this.#pinnedOrTold(id, pin)
      if (pinned === null) continue
      const inputs = [...stepsWritten(store, id, written)].flatMap((step) => step.inputs)
      yield { open, state: replay(pinned.definition, inputs), pinned }
    }
  }

  /**
   * Ended executions that may go, oldest first: all that ended before `beforeMs`, at most `limit`.
   * Running ones are never among them, nor those whose end is not told of yet: what they have in the log is not known.
   */
  prunable(beforeMs: number, limit: number, { log, ending }: Pick<Runner, "log" | "ending">): Change[] {
    const changes: Change[] = []
    let count = 0
    // Ids sort by time of creation: what was created later has not ended before, and need not be looked at.
    const end = Number.isFinite(beforeMs) ? { end: [sortableId("ex", Math.max(0, beforeMs), new Uint8Array(10))] } : {}
    for (const { key, value } of this.#ports.store.range(TABLE.finished, end)) {
      if (count === limit) break
      const id = key[0] as ExecutionId
      const ended = readEnded(value)
      if (ended.finishedMs >= beforeMs || ending.has(id)) continue
      count++
      changes.push(...removalOf(this.#ports.store, id, ended), ...log.removalsOf(id))
    }
    return changes
  }
}
