import type { DriverOutput } from "../../../core/consensus/driver/output.ts"
import type { DriverState } from "../../../core/consensus/driver/state.ts"
import { decodeEntry, encodeEntry, type LogEntry } from "./log-entry.ts"
import { Unwritten } from "./unwritten.ts"
import { damaged, type Wal } from "./wal.ts"

/** The inputs of a height: in memory as long as nothing was said after them, on the disk before anything is. */
export class InputLog {
  readonly #wal: Wal
  readonly #unwritten = new Unwritten()
  /** It had no room for something: what comes later must not be in it either. */
  #isFull = false

  constructor(wal: Wal) {
    this.#wal = wal
  }

  /** Bytes that are on the disk. */
  get synced(): number {
    return this.#wal.synced
  }

  /** What the log has of this height, in order. @throws ValidatorError WAL_DAMAGED */
  open(height: number): readonly LogEntry[] {
    return this.#wal.open(height).map((record, i) => {
      const entry = decodeEntry(record)
      if (entry === null) throw damaged(this.synced, `another version of the agent wrote its record ${i}`)
      return entry
    })
  }

  /** An input that was taken, the driver before it and after it, and what followed. */
  add(entry: LogEntry, before: DriverState, after: DriverState, outputs: readonly DriverOutput[]): void {
    this.#unwritten.add(entry, before, after, outputs)
    if (this.#unwritten.isFull) this.#write()
  }

  /** E1. @returns whether every input up to now is on the disk: false where the log has no room */
  sync(): boolean {
    this.#write()
    this.#wal.sync()
    return !this.#isFull
  }

  /** The next height begins. */
  rotate(height: number): void {
    this.#unwritten.take()
    this.#isFull = false
    this.#wal.rotate(height)
  }

  close(): void {
    this.#wal.close()
  }

  #write(): void {
    for (const entry of this.#unwritten.take()) this.#isFull ||= !this.#wal.append(encodeEntry(entry))
  }
}
