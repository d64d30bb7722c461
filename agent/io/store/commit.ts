import type { RootDatabase } from "lmdb"
import { STORE_CHANGES_PER_COMMIT_MAX, STORE_PENDING_BYTES_MAX, STORE_WRITE_TIMEOUT_MS } from "../../base/limits.ts"
import { StoreError } from "./error.ts"

/** The key and record of one put, or the key of a removal. */
export interface EncodedChange {
  readonly key: Buffer
  readonly record: Buffer | null
}

export interface CommitHooks {
  /** Called once, when a commit failed or did not end in STORE_WRITE_TIMEOUT_MS; every write has then been rejected. */
  failed(error: StoreError): void
  /** A change to make with this commit, or null. */
  along(): EncodedChange | null
  /**
   * Before a commit, while LMDB is not writing.
   * @returns null, or why these writes are refused, while the store goes on
   * @throws what ends the store
   */
  prepare(bytes: number, changes: number): StoreError | null
}

/** Writes that become durable together: one LMDB transaction, one sync. */
interface Group {
  readonly changes: EncodedChange[]
  bytes: number
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** How much more than others the writes may take that finish accepted work; past it something is wrong. */
const RESERVE_FACTOR = 8

/**
 * Group commit. Writes gather until the end of this turn of the event loop, and longer while a commit is in flight;
 * then one LMDB transaction takes them all. One writer alone waits for one sync and no more, a thousand share one.
 *
 * LMDB is used so that its own batching cannot surprise: one transaction in flight, all of its instructions queued in
 * one go before its thread starts (with `eventTurnBatching: false` that is a `setImmediate` of LMDB's), and one promise,
 * which is held here: a failed commit rejects nothing that nobody holds.
 */
export class GroupCommit {
  readonly #db: RootDatabase<Buffer, Buffer>
  readonly #hooks: CommitHooks
  /** Gathered and not yet with LMDB, oldest first. Bounded by STORE_PENDING_BYTES_MAX. */
  readonly #waiting: Group[] = []
  #waitingBytes = 0
  /** With LMDB. */
  #committing: Group | null = null
  #flushSoon = false
  #watchdog: NodeJS.Timeout | null = null
  #dead: StoreError | null = null
  #idle: (() => void)[] = []

  constructor(db: RootDatabase<Buffer, Buffer>, hooks: CommitHooks) {
    this.#db = db
    this.#hooks = hooks
  }

  /**
   * @param bytes about what the changes take on the device
   * @param reserve they finish what was let in: who lets in bounds them (EXECUTIONS_DATA_BYTES_MAX), not the queue
   * @returns resolves when the changes are on the device; shared by the writes of one commit
   */
  add(changes: readonly EncodedChange[], bytes: number, reserve = false): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead)
    const limit = reserve ? STORE_PENDING_BYTES_MAX * RESERVE_FACTOR : STORE_PENDING_BYTES_MAX
    if (this.#waitingBytes + bytes > limit && this.#waitingBytes > 0)
      return Promise.reject(
        new StoreError({ code: "STORE_OVERLOADED" }, `more than ${STORE_PENDING_BYTES_MAX} bytes wait to be written`, {
          remedy: "try again when the device has caught up",
        }),
      )
    let group = this.#waiting.at(-1)
    if (group === undefined || group.changes.length >= STORE_CHANGES_PER_COMMIT_MAX) {
      group = newGroup()
      this.#waiting.push(group)
    }
    for (const change of changes) group.changes.push(change)
    group.bytes += bytes
    this.#waitingBytes += bytes
    this.#flushLater()
    return group.done
  }

  /** What was asked for and is not committed yet, in the bytes that the writers told. */
  get pendingBytes(): number {
    return this.#waitingBytes + (this.#committing?.bytes ?? 0)
  }

  /** Resolves when nothing is being committed and nothing waits. */
  async idle(): Promise<void> {
    while (!this.#dead && this.#busy()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#idle.push(resolve)
      await promise
    }
  }

  /** Rejects everything that is pending and everything to come. */
  close(error: StoreError): void {
    if (this.#dead) return
    this.#dead = error
    if (this.#watchdog) clearTimeout(this.#watchdog)
    for (const group of [this.#committing, ...this.#waiting]) group?.reject(error)
    this.#committing = null
    this.#waiting.length = 0
    this.#wakeIdle()
  }

  #busy(): boolean {
    return this.#committing !== null || this.#waiting.length > 0
  }

  /** After the promises that this turn still resolves: who writes again at once is in the same commit. */
  #flushLater(): void {
    if (this.#flushSoon || this.#committing) return
    this.#flushSoon = true
    setImmediate(() => {
      this.#flushSoon = false
      if (!this.#dead && !this.#committing) this.#flush()
    })
  }

  #flush(): void {
    const group = this.#waiting.shift()
    if (group === undefined) return
    this.#waitingBytes -= group.bytes
    this.#committing = group
    try {
      const along = this.#hooks.along()
      if (along) group.changes.push(along)
      const refusal = this.#hooks.prepare(group.bytes, group.changes.length)
      if (refusal) {
        this.#committing = null
        group.reject(refusal)
        this.#next()
        return
      }
      this.#watch()
      this.#issue(group)
    } catch (error) {
      this.#die(error)
    }
  }

  #issue(group: Group): void {
    let commit: Promise<boolean> | null = null
    for (const { key, record } of group.changes) {
      const change = record ? this.#db.put(key, record) : this.#db.remove(key)
      // LMDB gives the promise of the transaction with each of its instructions.
      commit ??= change
    }
    commit?.then(
      () => this.#committed(group),
      (error: unknown) => this.#die(error),
    )
  }

  #committed(group: Group): void {
    if (this.#dead) return
    this.#committing = null
    group.resolve()
    this.#next()
  }

  #next(): void {
    if (this.#waiting.length > 0) {
      this.#flushLater()
      return
    }
    this.#watchdog?.unref()
    this.#wakeIdle()
  }

  /** One timer for all commits: refreshed at the start of each, ignored while there is none. */
  #watch(): void {
    if (this.#watchdog) {
      this.#watchdog.refresh()
      this.#watchdog.ref()
      return
    }
    this.#watchdog = setTimeout(() => {
      if (this.#committing) this.#die(new Error(`no answer in ${STORE_WRITE_TIMEOUT_MS} ms`))
    }, STORE_WRITE_TIMEOUT_MS)
  }

  #die(cause: unknown): void {
    // The reason comes as a promise of its own, which LMDB rejects: taken here, or it would be an unhandled rejection.
    const reason = (cause as { commitError?: Promise<unknown> }).commitError
    reason?.catch(() => undefined)
    if (this.#dead) return
    const error = new StoreError({ code: "WRITE_FAILED" }, "the store could not be written and is closed", {
      cause,
      remedy: "see the log for the device's error; free the disk or replace it, then start the agent again",
    })
    this.close(error)
    this.#hooks.failed(error)
  }

  #wakeIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const wake of waiting) wake()
  }
}

function newGroup(): Group {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // A writer that does not look is told by the store's `failed`.
  promise.catch(() => undefined)
  return { changes: [], bytes: 0, done: promise, resolve, reject }
}
