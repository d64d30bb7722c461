import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import { messageOf } from "../../base/errors.ts"
import type { DurableFile } from "../../ports/durable-file.ts"
import { makeFolder, syncFolder } from "../folder.ts"
import { DiskError } from "./error.ts"

const APPEND = constants.O_WRONLY | constants.O_APPEND

/**
 * A file of the machine, its folder made where it is missing, for its owner alone.
 * @param path of which `<path>.new` is this file's draft
 */
export function durableFile(path: string): DurableFile {
  return new MachineFile(path)
}

class MachineFile implements DurableFile {
  readonly #path: string
  /** Open for appending; null until then, and after a replacement. */
  #handle: number | null = null
  /** After an error of a sync the kernel may call lost pages clean: nothing that follows can be believed. */
  #failed: DiskError | null = null

  constructor(path: string) {
    this.#path = path
  }

  read(): Uint8Array | null {
    return this.#do("read", () => {
      try {
        return new Uint8Array(readFileSync(this.#path))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
        throw error
      }
    })
  }

  replace(bytes: Uint8Array): void {
    this.#do("replaced", () => {
      this.close()
      const draft = `${this.#path}.new`
      makeDurable(dirname(this.#path))
      within(openSync(draft, "w", 0o600), (handle) => {
        writeWhole(handle, bytes)
        fsyncSync(handle)
      })
      renameSync(draft, this.#path)
      syncFolder(dirname(this.#path))
    })
  }

  append(bytes: Uint8Array): void {
    this.#do("written", () => writeWhole(this.#opened(), bytes))
  }

  sync(): void {
    this.#do("synced", () => fdatasyncSync(this.#opened()))
  }

  close(): void {
    const handle = this.#handle
    this.#handle = null
    if (handle !== null) closeSync(handle)
  }

  /** Never makes the file: what was there and is gone must not come back empty. */
  #opened(): number {
    this.#handle ??= openSync(this.#path, APPEND)
    return this.#handle
  }

  #do<Result>(what: string, act: () => Result): Result {
    if (this.#failed !== null) throw this.#failed
    try {
      return act()
    } catch (cause) {
      const message = `${this.#path} could not be ${what}: ${messageOf(cause)}`
      const remedy = "see to the disk, then start the agent again"
      this.#failed = new DiskError({ code: "DISK_FAILED", file: this.#path }, message, { remedy, cause })
      throw this.#failed
    }
  }
}

/** A write may take less than it was given. */
function writeWhole(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
}

/** A file is only as durable as the entry of each folder above it. */
function makeDurable(folder: string): void {
  if (existsSync(folder)) return
  makeDurable(dirname(folder))
  makeFolder(folder)
  syncFolder(dirname(folder))
}

function within(handle: number, act: (handle: number) => void): void {
  try {
    act(handle)
  } finally {
    closeSync(handle)
  }
}
