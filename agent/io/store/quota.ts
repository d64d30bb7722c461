import { STORE_LOOK_BYTES, STORE_RESERVE_SHARE } from "../../base/limits.ts"
import { PAGE_BYTES } from "./cost.ts"
import { StoreError } from "./error.ts"
import type { FileRoom } from "./file-room.ts"

interface Commits {
  /** What is asked for and not in LMDB's books yet. */
  readonly pendingBytes: number
  readonly commits: number
}

/**
 * How much may still be written. Pages in use come from LMDB's own books and free space from the file system, both
 * looked at once per STORE_LOOK_BYTES and near the limit at every write; in between, writes are added up.
 * The last STORE_RESERVE_SHARE is for removing and for finishing what was accepted, so that a full store can empty
 * itself, and refuses new work before the device refuses ours.
 */
export class Quota {
  readonly #room: FileRoom
  readonly #quotaBytes: number
  readonly #commit: Commits
  #usedBytes = 0
  #limitBytes = 0
  /** Asked for at the last look and not in LMDB's books then. */
  #pending = 0
  #sinceLook = 0
  #lookedAt = 0

  constructor(room: FileRoom, quotaBytes: number, commit: Commits) {
    this.#room = room
    this.#quotaBytes = quotaBytes
    this.#commit = commit
    this.#look()
  }

  /** @returns null, or why a write of about `bytes` that puts something is refused */
  refuse(bytes: number, mayUseReserve: boolean): StoreError | null {
    if (this.#sinceLook > STORE_LOOK_BYTES || !this.#fits(bytes, mayUseReserve)) this.#look()
    return this.#fits(bytes, mayUseReserve) ? null : this.refusal()
  }

  refusal(): StoreError {
    const detail = { code: "QUOTA", bytes: this.#usedBytes, quotaBytes: this.#limitBytes } as const
    return new StoreError(
      detail,
      `the store holds ${detail.bytes} of ${detail.quotaBytes} bytes: nothing was written`,
      { remedy: "remove finished executions, shorten executions.keepDays, raise store.quotaMb or free the disk" },
    )
  }

  /** A write was let in. */
  add(bytes: number): void {
    this.#sinceLook += bytes
  }

  /** The quota, or less where the disk has no more room; as of the last look. */
  get limitBytes(): number {
    return this.#limitBytes
  }

  /** @returns bytes of pages in use, or of no use, and of what is asked for; costs nothing while there is plenty of room */
  usedBytes(): number {
    const room = this.#limitBytes - this.#usedBytes
    const near = this.#usedBytes > this.#limitBytes / 2 && this.#lookedAt !== this.#commit.commits
    if (near || this.#sinceLook > Math.min(room / 16, STORE_LOOK_BYTES)) this.#look()
    return this.#usedBytes + this.#pending + this.#sinceLook
  }

  #look(): void {
    const { used, length } = this.#room.look()
    this.#usedBytes = (used + this.#room.apart) * PAGE_BYTES
    this.#pending = this.#commit.pendingBytes
    this.#sinceLook = 0
    this.#lookedAt = this.#commit.commits
    this.#limitBytes = Math.min(this.#quotaBytes, length * PAGE_BYTES + this.#room.diskBytes())
  }

  #fits(bytes: number, mayUseReserve: boolean): boolean {
    const limit = mayUseReserve ? this.#limitBytes : this.#limitBytes * (1 - STORE_RESERVE_SHARE)
    return this.#usedBytes + this.#pending + this.#sinceLook + bytes <= limit
  }
}
