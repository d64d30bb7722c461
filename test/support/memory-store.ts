import { deserialize, serialize } from "node:v8"
import { StoreError } from "../../agent/io/store/error.ts"
import { STORE_RESERVE_SHARE } from "../../agent/base/limits.ts"
import type { Change, Entry, Key, Range, Store, StoreUsage, WriteOptions } from "../../agent/ports/store.ts"

interface Row {
  readonly key: Key
  readonly bytes: Buffer
}

/**
 * The Store in memory: the same contract as the real one (test/contract/store.test.ts runs on both), and hooks to
 * hold commits back and to make writes fail. Commits in microtasks, so a simulation with it is deterministic.
 */
export class MemoryStore implements Store {
  readonly failed: Promise<Error>
  /** How many commits were made. */
  commits = 0
  readonly #tables = new Map<string, Row[]>()
  readonly #quotaBytes: number
  readonly #fail: (error: Error) => void
  #bytes = 0
  #writes = 0
  #failAt = Number.POSITIVE_INFINITY
  #dead: Error | null = null
  #held = false
  #full = false
  #pending: { changes: readonly Change[]; done: () => void; refuse: (error: Error) => void }[] = []
  #committing = false

  constructor(options: { quotaBytes?: number } = {}) {
    this.#quotaBytes = options.quotaBytes ?? Number.POSITIVE_INFINITY
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#fail = resolve
  }

  /** The nth write from now on (1 is the next) fails, and with it the store. */
  failNth(n: number): void {
    this.#failAt = this.#writes + n
  }

  /** Commits wait until `release`: what was asked for is neither visible nor acknowledged. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    this.#commitSoon()
  }

  /** Everything waits for room from now on, as on a full disk, until `endWaiting`. */
  fill(): void {
    this.hold()
    this.#full = true
  }

  /** What a restart finds: everything committed; what was pending is gone and never answered. */
  crash(): MemoryStore {
    const next = new MemoryStore({ quotaBytes: this.#quotaBytes })
    for (const [table, rows] of this.#tables) next.#tables.set(table, [...rows])
    next.#bytes = this.#bytes
    this.#pending = []
    this.#dead = new StoreError({ code: "STORE_CLOSED" }, "this store was crashed by the test")
    return next
  }

  get(table: string, key: Key): unknown {
    const rows = this.#tables.get(table) ?? []
    const at = place(rows, key)
    const row = rows[at]
    return row !== undefined && compareKeys(row.key, key) === 0 ? deserialize(Buffer.from(row.bytes)) : undefined
  }

  *range(table: string, range: Range = {}): Iterable<Entry> {
    for (const row of this.#rows(table, range)) yield { key: row.key, value: deserialize(Buffer.from(row.bytes)) }
  }

  count(table: string, range: Range = {}): number {
    return this.#rows(table, range).length
  }

  write(changes: readonly Change[], options: WriteOptions = {}): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead)
    // Values as they are now: the caller may go on changing them.
    const copied = changes.map((change) =>
      "put" in change ? { ...change, value: structuredClone(change.value) } : change,
    )
    const ordinary = options.reserve !== true && changes.every((change) => "put" in change)
    const puts = changes.some((change) => "put" in change)
    const limit = ordinary ? this.#quotaBytes * (1 - STORE_RESERVE_SHARE) : this.#quotaBytes
    if (puts && this.#bytes >= limit) return Promise.reject(this.#refusal())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.push({ changes: copied, done: resolve, refuse: reject })
    this.#commitSoon()
    return promise
  }

  isFull(): boolean {
    return this.#full
  }

  endWaiting(): void {
    if (!this.#full) return
    const refused = this.#pending
    this.#pending = []
    this.#full = false
    this.release()
    for (const { refuse } of refused) refuse(this.#refusal())
  }

  usage(): StoreUsage {
    return { bytes: this.#bytes, quotaBytes: this.#quotaBytes }
  }

  backup(): Promise<void> {
    return Promise.reject(new StoreError({ code: "BACKUP_FAILED", file: "" }, "a store in memory has no backup"))
  }

  #refusal(): StoreError {
    return new StoreError({ code: "QUOTA", ...this.usage() }, "the store has reached its quota; nothing was written")
  }

  #commitSoon(): void {
    if (this.#held || this.#committing || this.#pending.length === 0) return
    this.#committing = true
    queueMicrotask(() => {
      this.#committing = false
      if (!this.#held) this.#commit()
    })
  }

  #commit(): void {
    const group = this.#pending
    this.#pending = []
    for (const write of group) {
      this.#writes++
      if (this.#writes >= this.#failAt) this.#die()
      if (this.#dead) write.refuse(this.#dead)
      else {
        for (const change of write.changes) this.#apply(change)
        write.done()
      }
    }
    if (group.length > 0 && !this.#dead) this.commits++
  }

  #die(): void {
    if (this.#dead) return
    this.#dead = new StoreError({ code: "WRITE_FAILED" }, "a write failed: the store is closed")
    this.#fail(this.#dead)
  }

  #apply(change: Change): void {
    const table = "put" in change ? change.put : change.remove
    const rows = this.#tables.get(table) ?? []
    this.#tables.set(table, rows)
    const at = place(rows, change.key)
    const found = rows[at] !== undefined && compareKeys(rows[at].key, change.key) === 0
    if (found) this.#bytes -= size(rows[at]!)
    if ("put" in change) {
      const row = { key: [...change.key], bytes: serialize(change.value) }
      this.#bytes += size(row)
      rows.splice(at, found ? 1 : 0, row)
    } else if (found) rows.splice(at, 1)
  }

  #rows(table: string, range: Range): Row[] {
    const within = (this.#tables.get(table) ?? []).filter(
      ({ key }) =>
        (range.prefix === undefined || startsWith(key, range.prefix)) &&
        (range.start === undefined ||
          (range.reverse ? compareKeys(key, range.start) <= 0 : compareKeys(key, range.start) >= 0)) &&
        (range.end === undefined ||
          (range.reverse ? compareKeys(key, range.end) > 0 : compareKeys(key, range.end) < 0)),
    )
    if (range.reverse) within.reverse()
    return within.slice(0, range.limit)
  }
}

function size(row: Row): number {
  return row.bytes.length + row.key.reduce<number>((sum, part) => sum + (typeof part === "string" ? part.length : 8), 0)
}

function startsWith(key: Key, prefix: Key): boolean {
  return prefix.every((part, i) => i < key.length && comparePart(part, key[i]!) === 0)
}

/** @returns the first place whose key is not below `key` */
function place(rows: readonly Row[], key: Key): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(rows[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The order of the port, from its words and not from the real store's bytes. */
export function compareKeys(a: Key, b: Key): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = comparePart(a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function comparePart(a: string | number, b: string | number): number {
  if (typeof a === "number") return typeof b === "number" ? (a < b ? -1 : a > b ? 1 : 0) : -1
  return typeof b === "number" ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
