/** Keys sort by their parts in order: numbers numerically before strings by UTF-8 bytes. */
export type Key = readonly (string | number)[]

/** One change inside a write. `value` is any structured value (JSON types and Uint8Array). */
export type Change =
  | { readonly put: string; readonly key: Key; readonly value: unknown }
  | { readonly remove: string; readonly key: Key }

export interface Range {
  /** Only keys that begin with these parts. */
  readonly prefix?: Key
  /** First key, inclusive: where the walk begins, so in reverse the greatest. */
  readonly start?: Key
  /** Stops before this key: exclusive, so in reverse the one below the least. */
  readonly end?: Key
  readonly reverse?: boolean
  readonly limit?: number
}

export interface Entry {
  readonly key: Key
  readonly value: unknown
}

export interface WriteOptions {
  /**
   * It finishes what was accepted: never refused with QUOTA while the store goes on; on a full disk it waits for room.
   * A write that only removes needs not ask; one that also removes may use the last part of the quota.
   */
  readonly reserve?: boolean
}

export interface StoreUsage {
  readonly bytes: number
  /** The quota, or less where the disk has no more room. */
  readonly quotaBytes: number
}

/** What a start did about a damaged store: its owner has to know. */
export interface StoreRecovery {
  /** ms since epoch: the start that found it, by the wall clock of then. */
  readonly foundMs: number
  readonly reason: string
  /** Where the damaged file is kept; null where there was none. */
  readonly quarantined: string | null
  /** The copy that took its place; null where none was good and the store starts empty. */
  readonly copy: string | null
  /** ms since epoch: what came after is lost. Null: everything is. */
  readonly copyMs: number | null
}

/**
 * The one durable store of a home. Tables are names from schema/tables.ts.
 * Reads see every write that was asked for before them and has committed.
 */
export interface Store {
  get(table: string, key: Key): unknown
  range(table: string, range?: Range): Iterable<Entry>
  count(table: string, range?: Range): number
  /**
   * All of it or nothing. Resolves after the sync to the device; many writes share one commit.
   * Values are taken as they are at the call.
   * @throws StoreError QUOTA (refused, nothing written, the store goes on), WRITE_FAILED (the store is closed: fail-stop)
   */
  write(changes: readonly Change[], options?: WriteOptions): Promise<void>
  usage(): StoreUsage
  /** What was accepted waits for room, on the disk or in the quota: nothing new is taken until it is written. Costs nothing. */
  isFull(): boolean
  /** For a stop: what waits for room is refused with QUOTA from now on, so that who waits for that can stop. */
  endWaiting(): void
  /** A consistent copy while the store is in use. */
  backup(file: string, signal: AbortSignal): Promise<void>
  /** Resolves when the store has failed and must not be used again. */
  readonly failed: Promise<Error>
}
