import type { SeededRandom } from "../../../agent/base/random.ts"
import { concatBytes } from "../../../agent/base/bytes.ts"
import type { DurableFile } from "../../../agent/ports/durable-file.ts"

/** Something that a power cut can come before. */
export type Effect = (act: () => void) => void

/** A file of which a power cut leaves what was synced, and of the rest what the disk was just writing. */
export class VirtualFile implements DurableFile {
  readonly #effect: Effect
  #durable: Uint8Array | null = null
  #unsynced: Uint8Array[] = []

  constructor(effect: Effect = (act) => act()) {
    this.#effect = effect
  }

  read(): Uint8Array | null {
    return this.#durable === null ? null : concatBytes(this.#durable, ...this.#unsynced)
  }

  replace(bytes: Uint8Array): void {
    this.#effect(() => {
      this.#durable = bytes.slice()
      this.#unsynced = []
    })
  }

  append(bytes: Uint8Array): void {
    this.#effect(() => {
      if (this.#durable === null) throw new Error("there is no file to append to")
      this.#unsynced.push(bytes.slice())
    })
  }

  sync(): void {
    this.#effect(() => {
      this.#durable = this.read()
      this.#unsynced = []
    })
  }

  close(): void {}

  /** The machine is off: of what was not synced there is nothing, all, a part, or all with a hole in it. */
  cutPower(random: SeededRandom): void {
    if (this.#durable === null) return
    const lost = concatBytes(...this.#unsynced)
    this.#unsynced = []
    const at = random.below(lost.length + 1)
    const kind = random.below(4)
    const left = kind === 0 ? 0 : kind === 1 ? at : lost.length
    if (kind === 3) lost.fill(0, at, at + random.below(512))
    this.#durable = concatBytes(this.#durable, lost.subarray(0, left))
  }

  /** What a copy of the whole disk would have of it. */
  get durable(): Uint8Array | null {
    return this.#durable
  }

  /** Such a copy is put in its place. */
  putBack(bytes: Uint8Array | null): void {
    this.#durable = bytes
    this.#unsynced = []
  }
}
