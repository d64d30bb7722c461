import { STORE_ENTRIES_PER_WORD } from "../../base/limits.ts"
import { TABLE } from "../../schema/tables.ts"
import type { Change, Store } from "../../ports/store.ts"
import { StoreError } from "./error.ts"

/** [meta, "format"] -> {v, format}. docs/spec/store.md#format tells what each format means. */
export const FORMAT = 2
const KEY = ["format"]

/** Makes a store of the format before into one of `to`: the changes, all of which become durable in one write. */
export interface Migration {
  readonly to: number
  changes(store: Pick<Store, "get" | "range">): Change[]
}

/** In order, without a gap; the last one leads to FORMAT. */
export const MIGRATIONS: readonly Migration[] = [
  { to: 2, changes: (store) => [...namedFolders(store), ...movedExecutions(store)] },
]

/** A copy of a service lay at `<home>/plugins/<id>-<8 hex digits>`, wherever the home was. */
const SHELVED = /\/plugins\/([a-z][a-z0-9-]*-[0-9a-f]{8})$/

/** What the tables of executions were called in format 1. */
const BEFORE = { finished: "fin", active: "act", history: "hist" } as const

/** Format 2: what has not ended is told by a log. Steps and ended executions are read as they are. */
function movedExecutions(store: Pick<Store, "range">): Change[] {
  const moved = (before: string, now: string) =>
    [...store.range(before)].flatMap(({ key, value }): Change[] => [
      { put: now, key, value },
      { remove: before, key },
    ])
  const opened = [...store.range(BEFORE.active)].flatMap(({ key, value }, number): Change[] => {
    const { v: _, ...pin } = value as { v: 1 }
    const chunks = [...store.range(BEFORE.history, { prefix: key })].length
    return [
      { put: TABLE.open, key: [number], value: { v: 2, execution: key[0], pin, core: "", chunks, steps: "" } },
      { remove: BEFORE.active, key },
    ]
  })
  return [...moved(BEFORE.finished, TABLE.finished), ...moved(BEFORE.history, TABLE.history), ...opened]
}

/** Format 2: a service's record has the name of its copy, not the path. */
function namedFolders(store: Pick<Store, "range">): Change[] {
  return [...store.range(TABLE.service)].flatMap(({ key, value }): Change[] => {
    const record = value as { folder: string | null }
    const name = SHELVED.exec(record.folder ?? "")?.[1]
    return name === undefined ? [] : [{ put: TABLE.service, key, value: { ...record, folder: name } }]
  })
}

/** @returns the format of the store, null where it is new @throws StoreError STORE_NEWER, STORE_DAMAGED */
export function formatOf(store: Pick<Store, "get">, known: number = FORMAT): number | null {
  const record = store.get(TABLE.meta, KEY) as { format?: unknown } | undefined
  if (record === undefined) return null
  const format = record.format
  if (typeof format !== "number" || !Number.isInteger(format) || format < 1)
    throw new StoreError({ code: "STORE_DAMAGED", file: TABLE.meta }, "the store does not tell its format")
  if (format > known)
    throw new StoreError(
      { code: "STORE_NEWER", format, known },
      `the store has format ${format}, this agent knows formats up to ${known}`,
      { remedy: "start the newer agent again, or restore a backup that was made with this one" },
    )
  return format
}

/** The first write of a new store. */
export function formatChange(format: number = FORMAT): Change {
  return { put: TABLE.meta, key: KEY, value: { v: 1, format } }
}

/**
 * Brings a store of format `from` to the last migration's, one durable write per step: a cut leaves a whole format.
 * @param progress hears now and then how far it is
 */
export async function migrate(
  store: Pick<Store, "get" | "range" | "write">,
  from: number,
  migrations: readonly Migration[] = MIGRATIONS,
  progress: (doing: string) => void = () => {},
): Promise<void> {
  for (const migration of migrations) {
    if (migration.to <= from) continue
    const heard = (entries: number) => progress(`brings the store to format ${migration.to}: ${entries} entries`)
    const changes = migration.changes(whileRead(store, heard))
    heard(changes.length)
    await store.write([...changes, formatChange(migration.to)], { reserve: true })
  }
}

/** The same store; `heard` gets now and then how many entries were read of it. */
function whileRead(
  store: Pick<Store, "get" | "range">,
  heard: (entries: number) => void,
): Pick<Store, "get" | "range"> {
  let entries = 0
  return {
    get: (table, key) => store.get(table, key),
    *range(table, range) {
      for (const entry of store.range(table, range)) {
        if (++entries % STORE_ENTRIES_PER_WORD === 0) heard(entries)
        yield entry
      }
    },
  }
}
