/**
 * One file of which its user says when it must be on the device. Every call returns when it is done: who signs must not
 * do anything else in between. After a call that threw nothing more is promised of the file, and every call throws.
 */
export interface DurableFile {
  /** @returns everything in it; null where there is no such file */
  read(): Uint8Array | null
  /** Instead of everything that was in it: whole or not at all, and on the device when it returns. */
  replace(bytes: Uint8Array): void
  /** At its end, which is there. May be lost, or be there in part, until `sync` has returned. */
  append(bytes: Uint8Array): void
  /** Returns when everything that was appended is on the device. */
  sync(): void
  close(): void
}
