import { fromHex, toHex } from "../../base/bytes.ts"
import type { ExecutionId } from "../../base/ids.ts"
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

/** A row of the log of what has not ended. */
export interface OpenRow {
  readonly execution: ExecutionId
  readonly steps: string
  /** In the row that begins an execution's rows, or begins them anew: what was before it counts no more. */
  readonly head: { readonly pin: Pin; readonly core: string; readonly chunks: number } | null
}

export interface EndedExecution {
  readonly pin: Pin
  readonly status: ExecutionStatus
  /** ms since epoch */
  readonly startedMs: number | null
  readonly finishedMs: number
  /** Null where all of its steps are in the history, one by one: so it was in version 1. */
  readonly written: Written | null
}

/** Rows and records are written for every event: the names of their fields are left out. */
type OpenRecord = readonly [
  v: 2,
  execution: ExecutionId,
  steps: string,
  ...head:
    | readonly [
        app: string,
        workflow: string,
        version: number,
        core: Uint8Array,
        chunks: number,
        ...call: readonly NonNullable<Pin["call"]>[],
      ]
    | readonly [],
]
/** As a change of format leaves it. */
type OpenRecordBefore = Omit<NonNullable<OpenRow["head"]>, "pin"> & Omit<OpenRow, "head"> & { readonly pin?: Pin }

type EndedRecord = readonly [
  v: 2,
  app: string,
  workflow: string,
  version: number,
  status: ExecutionStatus,
  startedMs: number | null,
  finishedMs: number,
  core: Uint8Array,
  chunks: number,
  tail: string,
  ...call: readonly NonNullable<Pin["call"]>[],
]
type EndedRecordBefore = Pin & { readonly v: 1 } & Omit<EndedExecution, "pin" | "written">

/** @returns what lies in the table of open executions */
export function openRow({ execution, steps, head }: OpenRow): OpenRecord {
  if (head === null) return [2, execution, steps]
  const { app, workflow, version, call } = head.pin
  return [2, execution, steps, app, workflow, version, nodeBytes(head.core), head.chunks, ...(call ? [call] : [])]
}

/** @param record of the table of open executions */
export function readOpenRow(record: unknown): OpenRow {
  if (!Array.isArray(record)) {
    const { execution, steps, pin, core, chunks } = record as OpenRecordBefore
    return { execution, steps, head: pin === undefined ? null : { pin: pinOf(pin), core, chunks } }
  }
  const [, execution, steps, app, workflow, version, core, chunks, call] = record as unknown as OpenRecord
  if (app === undefined) return { execution, steps, head: null }
  const pin = pinOf({ app, workflow: workflow!, version: version!, ...(call ? { call } : {}) })
  return { execution, steps, head: { pin, core: toHex(core!), chunks: chunks! } }
}

/** @returns what lies in the table of ended executions */
export function endedRecord(ended: EndedExecution & { readonly written: Written }): EndedRecord {
  const { pin, status, startedMs, finishedMs, written } = ended
  const { app, workflow, version, call } = pin
  const { core, chunks, tail } = written
  const node = nodeBytes(core)
  return [2, app, workflow, version, status, startedMs, finishedMs, node, chunks, tail, ...(call ? [call] : [])]
}

/** Almost always this Core's own. */
let newestNode: { readonly core: string; readonly bytes: Uint8Array } = { core: "", bytes: new Uint8Array() }

function nodeBytes(core: string): Uint8Array {
  if (newestNode.core !== core) newestNode = { core, bytes: fromHex(core) ?? new Uint8Array() }
  return newestNode.bytes
}

/** @param record of the table of ended executions */
export function readEnded(record: unknown): EndedExecution {
  if (!Array.isArray(record)) {
    const { status, startedMs, finishedMs, ...pin } = record as EndedRecordBefore
    return { pin: pinOf(pin), status, startedMs, finishedMs, written: null }
  }
  const [, app, workflow, version, status, startedMs, finishedMs, core, chunks, tail, call] =
    record as unknown as EndedRecord
  const pin = pinOf({ app, workflow, version, ...(call ? { call } : {}) })
  return { pin, status, startedMs, finishedMs, written: { core: toHex(core), chunks, tail } }
}

function pinOf({ app, workflow, version, call }: Pin): Pin {
  return { app, workflow, version, ...(call ? { call } : {}) }
}
