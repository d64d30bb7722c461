import type { ExecutionId } from "../../base/ids.ts"
import { SlotMap } from "../../base/slot-map.ts"
import type { Live } from "./live.ts"

/** Per workflow, how many executions have not ended and which of them wait for their turn. */
export class Overlaps {
  readonly #active = new Map<string, SlotMap<ExecutionId, Live>>()

  add(live: Live): void {
    const name = nameOf(live)
    let lives = this.#active.get(name)
    if (lives === undefined) this.#active.set(name, (lives = new SlotMap()))
    lives.set(live.id, live)
  }

  isBusy(app: string, workflow: string): boolean {
    return this.#active.has(`${app}/${workflow}`)
  }

  /** Forgets an ended execution. @returns the one whose turn it is now, if any is held and none else runs */
  remove(live: Live): Live | null {
    const name = nameOf(live)
    const lives = this.#active.get(name)
    if (lives === undefined) return null
    lives.delete(live.id)
    if (lives.size === 0) this.#active.delete(name)
    return this.#nextHeld(lives)
  }

  /** After a restart: of every workflow the one whose turn it is. */
  *released(): Iterable<Live> {
    for (const lives of this.#active.values()) {
      const next = this.#nextHeld(lives)
      if (next !== null) yield next
    }
  }

  /** In the order of adding, which is the order of the events. */
  #nextHeld(lives: SlotMap<ExecutionId, Live>): Live | null {
    let first: Live | null = null
    for (const live of lives.values()) {
      if (live.state?.status !== "created") return null
      first ??= live
    }
    return first
  }
}

function nameOf({ pin }: Live): string {
  return `${pin.app}/${pin.workflow}`
}
