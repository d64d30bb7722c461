import type { RootDatabase } from "lmdb"
import {
  STORE_CHANGES_PER_COMMIT_MAX,
  STORE_FULL_RETRY_MS,
  STORE_PENDING_BYTES_MAX,
  STORE_WRITE_TIMEOUT_MS,
} from "../../base/limits.ts"
import { type Cost, costOf, growthOf, sumOf } from "./cost.ts"
import { StoreError } from "./error.ts"
import type { Fit } from "./file-room.ts"

/** The key and record of one put, or the key of a removal. */
export interface EncodedChange {
  readonly key: Buffer
  readonly record: Buffer | null
}

export interface CommitHooks {
  /** Called once, when a commit failed or did not end in STORE_WRITE_TIMEOUT_MS; every write has then been rejected. */
  failed(error: StoreError): void
  /** A change to make with the next commit, or null. */
  along(): EncodedChange | null
  /**
   * Before a commit, while LMDB is not writing.
   * @param accepted all of it finishes what was let in
   * @param patient commits in between are worth the wait
   * @throws what ends the store
   */
  fit(cost: Cost, accepted: boolean, patient: boolean): Fit
  /** @returns what a write is told that does not fit */
  refusal(fit: Fit): StoreError
  /** @returns a small change that says nothing new */
  turn(): EncodedChange
  /** What was accepted waits for room from now on; with null no more. */
  waits(fit: Fit | null): void
}

/** All of it or nothing. */
interface Write {
  readonly changes: readonly EncodedChange[]
  readonly cost: Cost
  readonly bytes: number
  /** Finishes what was let in, or only removes: never refused for want of room. */
  readonly accepted: boolean
  readonly done: () => void
  readonly reject: (error: Error) => void
}

/** In so many parts a commit is waited for. */
const WAIT_PARTS = 5
/** After so many commits LMDB takes the pages that were given back before them. */
const TURNS = 2
/** How much more than others the writes may take that finish accepted work; past it something is wrong. */
const RESERVE_FACTOR = 8

/**
 * Group commit. Writes gather until the end of this turn of the event loop, and longer while a commit is in flight;
 * then one LMDB transaction takes them all. One writer alone waits for one sync and no more, a thousand share one.
 *
 * What does not fit into the file is refused, unless it finishes what was accepted: that waits until there is room, in
 * its order, and whatever frees pages passes it meanwhile.
 *
 * LMDB is used so that its own batching cannot surprise: one transaction in flight, all of its instructions queued in
 * one go before its thread starts (with `eventTurnBatching: false` that is a `setImmediate` of LMDB's), and one promise,
 * which is held here: a failed commit rejects nothing that nobody holds.
 */
export class GroupCommit {
  readonly #db: RootDatabase<Buffer, Buffer>
  readonly #hooks: CommitHooks
  /** Not yet with LMDB, oldest first. Bounded by STORE_PENDING_BYTES_MAX. */
  #waiting: Write[] = []
  #waitingBytes = 0
  /** With LMDB. */
  #committing: readonly Write[] | null = null
  /** How many were made. */
  commits = 0
  #along: EncodedChange | null = null
  /** Why the first of the waiting does not fit; null where none was tried that did not. */
  #starved: Fit | null = null
  #retry: NodeJS.Timeout | null = null
  #waitsForRoom = true
  /** Commits without a write since the last that had one. */
  #turns = 0
  #flushSoon = false
  #watchdog: NodeJS.Timeout | null = null
  /** Parts of the time that the commit may take which are over. */
  #waited = 0
  #dead: StoreError | null = null
  #idle: (() => void)[] = []

  constructor(db: RootDatabase<Buffer, Buffer>, hooks: CommitHooks) {
    this.#db = db
    this.#hooks = hooks
  }

  /**
   * @param reserve they finish what was let in: who lets in bounds them (EXECUTIONS_DATA_BYTES_MAX), not the queue
   * @returns resolves when the changes are on the device
   */
  add(changes: readonly EncodedChange[], cost: Cost, reserve = false): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead)
    const accepted = reserve || cost.puts === 0
    if (this.#starved === "disk" && !accepted) return Promise.reject(this.#hooks.refusal(this.#starved))
    const bytes = growthOf(cost)
    const limit = reserve ? STORE_PENDING_BYTES_MAX * RESERVE_FACTOR : STORE_PENDING_BYTES_MAX
    if (this.#waitingBytes + bytes > limit && this.#waitingBytes > 0)
      return Promise.reject(
        new StoreError({ code: "STORE_OVERLOADED" }, `more than ${STORE_PENDING_BYTES_MAX} bytes wait to be written`, {
          remedy: "try again when the device has caught up",
        }),
      )
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // A writer that does not look is told by the store's `failed`.
    promise.catch(() => undefined)
    this.#waiting.push({ changes, cost, bytes, accepted, done: resolve, reject })
    this.#waitingBytes += bytes
    this.#flushLater()
    return promise
  }

  /** What was asked for and is not committed yet, as bytes by which the store may grow. */
  get pendingBytes(): number {
    return (this.#committing ?? []).reduce((sum, { bytes }) => sum + bytes, this.#waitingBytes)
  }

  /** Why what was accepted waits for room; null where it does not. */
  get starved(): Fit | null {
    return this.#starved
  }

  /** From now on what does not fit is refused, all of it: for a stop, at which nobody waits for a disk. */
  waitNoMore(): void {
    this.#waitsForRoom = false
    this.tryAgain()
  }

  /** Something outside has made room. */
  tryAgain(): void {
    if (this.#starved) this.#flushLater()
  }

  /** Resolves when nothing is being committed and nothing waits but for room. */
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
    for (const timer of [this.#watchdog, this.#retry]) if (timer) clearTimeout(timer)
    for (const write of [...(this.#committing ?? []), ...this.#waiting]) write.reject(error)
    this.#committing = null
    this.#waiting = []
    this.#wakeIdle()
  }

  #busy(): boolean {
    return this.#committing !== null || this.#flushSoon || (this.#waiting.length > 0 && !this.#starved)
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
    try {
      this.#along = this.#hooks.along() ?? this.#along
      const writes = this.#takeFitting()
      if (writes.length === 0) {
        this.#rest()
        return
      }
      for (const { bytes } of writes) this.#waitingBytes -= bytes
      this.#committing = writes
      this.#watch()
      this.#issue(writes)
    } catch (error) {
      this.#die(error)
    }
  }

  /** The first of the waiting that fit together, at most a commit full of them. */
  #takeFitting(): Write[] {
    while (this.#waiting.length > 0) {
      let count = this.#countInCommit()
      let fit = this.#fit(this.#waiting.slice(0, count))
      while (fit !== "fits" && count > 1) {
        count >>= 1
        fit = this.#fit(this.#waiting.slice(0, count))
      }
      if (fit === "fits") {
        this.#turns = 0
        this.#starve(null)
        return this.#waiting.splice(0, count)
      }
      if (fit === "soon") {
        this.#turns++
        const turn = this.#turn()
        if (this.#fit([turn]) === "fits") return [turn]
        continue
      }
      const waits = this.#waiting[0]!.accepted && this.#waitsForRoom
      if (fit === "quota") this.#refuse(fit, 1)
      else if (fit === "disk") this.#refuse(fit, this.#waiting.length)
      if (fit === "reader" || (fit === "disk" && waits)) {
        this.#starve(fit)
        return this.#takePassing()
      }
    }
    this.#starve(null)
    return []
  }

  #turn(): Write {
    const changes = [this.#hooks.turn()]
    const nobody = () => undefined
    return { changes, cost: costOf(changes), bytes: 0, accepted: true, done: nobody, reject: nobody }
  }

  #countInCommit(): number {
    let changes = 0
    let count = 0
    for (const write of this.#waiting) {
      changes += write.changes.length
      if (count > 0 && changes > STORE_CHANGES_PER_COMMIT_MAX) break
      count++
    }
    return count
  }

  #fit(writes: readonly Write[]): Fit {
    const along = costOf(this.#along ? [this.#along] : [])
    const cost = writes.reduce((sum, write) => sumOf(sum, write.cost), along)
    return this.#hooks.fit(
      cost,
      writes.every((write) => write.accepted),
      this.#turns < TURNS,
    )
  }

  /** Of the first `count` those that do not wait for room. */
  #refuse(fit: Fit, count: number): void {
    const waits = (write: Write) => write.accepted && this.#waitsForRoom
    const refused = this.#waiting.filter((write, i) => i < count && !waits(write))
    this.#waiting = this.#waiting.filter((write, i) => i >= count || waits(write))
    for (const { bytes, reject } of refused) {
      this.#waitingBytes -= bytes
      reject(this.#hooks.refusal(fit))
    }
  }

  /** The first that only removes, of what nobody before it writes: it makes room for those before it. */
  #takePassing(): Write[] {
    const before = new Set<string>()
    for (const [i, write] of this.#waiting.entries()) {
      const keys = write.changes.map(({ key }) => key.toString("latin1"))
      if (write.cost.puts === 0 && !keys.some((key) => before.has(key)) && this.#fit([write]) === "fits") {
        this.#turns = 0
        return this.#waiting.splice(i, 1)
      }
      for (const key of keys) before.add(key)
    }
    return []
  }

  #starve(fit: Fit | null): void {
    if (fit !== this.#starved) {
      this.#starved = fit
      this.#hooks.waits(fit)
    }
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = this.#starved === null ? null : setTimeout(() => this.tryAgain(), STORE_FULL_RETRY_MS)
  }

  #issue(writes: readonly Write[]): void {
    let commit: Promise<boolean> | null = null
    const along = this.#along
    this.#along = null
    for (const changes of [...writes.map((write) => write.changes), along ? [along] : []])
      for (const { key, record } of changes) {
        const change = record ? this.#db.put(key, record) : this.#db.remove(key)
        // LMDB gives the promise of the transaction with each of its instructions.
        commit ??= change
      }
    commit?.then(
      () => this.#committed(writes),
      (error: unknown) => this.#die(error),
    )
  }

  #committed(writes: readonly Write[]): void {
    if (this.#dead) return
    this.commits++
    this.#committing = null
    for (const { done } of writes) done()
    if (this.#waiting.length > 0) this.#flushLater()
    else this.#rest()
  }

  /** Nothing more can be done now. */
  #rest(): void {
    this.#watchdog?.unref()
    this.#wakeIdle()
  }

  /**
   * One timer for all commits: refreshed at the start of each, ignored while there is none. It runs in parts, and counts
   * one for all of a time in which the whole process stood still: an answer that came meanwhile is taken before the next.
   */
  #watch(): void {
    this.#waited = 0
    if (this.#watchdog) {
      this.#watchdog.refresh()
      this.#watchdog.ref()
      return
    }
    this.#watchdog = setTimeout(() => {
      if (!this.#committing) return
      if (++this.#waited < WAIT_PARTS) this.#watchdog!.refresh()
      else this.#die(new Error(`no answer in ${STORE_WRITE_TIMEOUT_MS} ms`))
    }, STORE_WRITE_TIMEOUT_MS / WAIT_PARTS)
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
