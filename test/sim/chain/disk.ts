import type { DriverInput } from "../../../agent/core/consensus/driver/input.ts"
import type { Proposal, Vote } from "../../../agent/core/consensus/terms.ts"

/** What outlives a crash, as far as it was flushed. */
interface Contents {
  /** Inputs of the height that is being decided, in order. */
  readonly log: readonly DriverInput[]
  /** What was signed at this height, by slot: the sign-state. */
  readonly signed: ReadonlyMap<string, string>
  readonly chain: readonly { readonly proposal: Proposal; readonly commit: readonly Vote[] }[]
}

const EMPTY: Contents = { log: [], signed: new Map(), chain: [] }

/** A disk that loses at a crash whatever was written and not flushed. */
export class Disk {
  #durable: Contents = EMPTY
  #written: Contents = EMPTY

  get contents(): Contents {
    return this.#written
  }

  write(changes: Partial<Contents>): void {
    this.#written = { ...this.#written, ...changes }
  }

  flush(): void {
    this.#durable = this.#written
  }

  crash(): void {
    this.#written = this.#durable
  }
}
