import type { RootDatabase } from "lmdb"
import { STORE_CHANGES_PER_COMMIT_MAX, STORE_PENDING_BYTES_MAX, STORE_WRITE_TIMEOUT_MS } from "../../base/limits.ts"
import { StoreError } from "./error.ts"

/** The key and record of one put, or the key of a removal. */
export interface EncodedChange {
  readonly key: Buffer
  readonly record: Buffer | null
}

/** Writes that become durable together: one LMDB transaction, one sync. */
interface Group {
  readonly changes: EncodedChange[]
  bytes: number
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Group commit. While nothing is being committed a write goes to LMDB at once and the transaction starts at the end of
 * this turn of the event loop; while one is, writes gather for the next. So one writer alone waits for one sync and
 * no more, and a thousand share one.
 *
 * LMDB is used so that its own batching cannot surprise: one transaction in flight, all of its instructions queued
 * before its thread starts (with `eventTurnBatching: false` that is a `setImmediate` which LMDB asks for at the first
 * put, after ours), and one promise, which is held here: a failed commit rejects nothing that nobody holds.
 */
export class GroupCommit {
  readonly #db: RootDatabase<Buffer, Buffer>
  readonly #failed: (error: StoreError) => void
  /** Instructions of this turn, already with LMDB; its thread has not begun. */
  #open: Group | null = null
  /** With LMDB's thread. */
  #committing: Group | null = null
  /** Gathered behind the one being committed. Bounded by STORE_PENDING_BYTES_MAX. */
  readonly #waiting: Group[] = []
  #waitingBytes = 0
  #watchdog: NodeJS.Timeout | null = null
  #dead: StoreError | null = null
  #idle: (() => void)[] = []
  /** Added to each commit if it has something to say. */
  readonly #along: () => EncodedChange | null

  /**
   * @param failed called once, when a commit failed or did not end in STORE_WRITE_TIMEOUT_MS; every write has then
   *   been rejected
   * @param along a change to make with this commit, or null
   */
  constructor(
    db: RootDatabase<Buffer, Buffer>,
    failed: (error: StoreError) => void,
    along: () => EncodedChange | null = () => null,
  ) {
    this.#db = db
    this.#failed = failed
    this.#along = along
  }

  /**
   * @param bytes about what the changes take on the device
   * @returns resolves when the changes are on the device; shared by the writes of one commit
   */
  add(changes: readonly EncodedChange[], bytes: number): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead)
    if (this.#committing) return this.#wait(changes, bytes)
    const group = (this.#open ??= this.#begin(newGroup()))
    group.bytes += bytes
    for (const change of changes) this.#issue(group, change)
    return this.#dead ? Promise.reject(this.#dead) : group.done
  }

  /** What was asked for and is not committed yet, in the bytes that the writers told. */
  get pendingBytes(): number {
    return this.#waitingBytes + (this.#open?.bytes ?? 0) + (this.#committing?.bytes ?? 0)
  }

  /** Resolves when nothing is being committed and nothing waits. */
  async idle(): Promise<void> {
    while (!this.#dead && (this.#open || this.#committing)) {
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
    for (const group of [this.#open, this.#committing, ...this.#waiting]) group?.reject(error)
    this.#open = this.#committing = null
    this.#waiting.length = 0
    this.#wakeIdle()
  }

  #wait(changes: readonly EncodedChange[], bytes: number): Promise<void> {
    if (this.#waitingBytes + bytes > STORE_PENDING_BYTES_MAX)
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
    return group.done
  }

  #begin(group: Group): Group {
    // Before the first put, so that this runs before LMDB's own immediate, which starts its thread.
    setImmediate(() => {
      if (this.#open !== group) return
      this.#open = null
      this.#committing = group
    })
    this.#watch()
    const along = this.#along()
    if (along) this.#issue(group, along)
    return group
  }

  #issue(group: Group, change: EncodedChange): void {
    try {
      const commit = change.record ? this.#db.put(change.key, change.record) : this.#db.remove(change.key)
      if (group.changes.length === 0) {
        group.changes.push(change)
        commit.then(
          () => this.#committed(group),
          (error: unknown) => this.#die(error),
        )
      }
    } catch (error) {
      this.#die(error)
    }
  }

  #committed(group: Group): void {
    if (this.#dead) return
    this.#committing = null
    group.resolve()
    const next = this.#waiting.shift()
    if (next) {
      const changes = next.changes.splice(0)
      this.#waitingBytes -= next.bytes
      this.#open = this.#begin(next)
      for (const change of changes) this.#issue(next, change)
    } else {
      this.#watchdog?.unref()
      this.#wakeIdle()
    }
  }

  /** One timer for all commits: refreshed at the start of each, ignored while there is none. */
  #watch(): void {
    if (this.#watchdog) {
      this.#watchdog.refresh()
      this.#watchdog.ref()
      return
    }
    this.#watchdog = setTimeout(() => {
      if (this.#open || this.#committing) this.#die(new Error(`no answer in ${STORE_WRITE_TIMEOUT_MS} ms`))
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
    this.#failed(error)
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
