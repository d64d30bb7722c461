import { joined } from "../../base/joined.ts"
import type { Live } from "./live.ts"

/** The executions of one workflow that have not ended. */
interface Lane {
  running: number
  /** Those that wait for their turn, in the order of their events; one that was cancelled is passed over. */
  readonly queue: Live[]
  at: number
}

/** Per workflow, how many executions have not ended and which of them wait for their turn. */
export class Overlaps {
  readonly #lanes = new Map<string, Lane>()
  readonly #held = new Set<Live>()

  /** @param held whether it waits for its turn */
  add(live: Live, held: boolean): void {
    const name = nameOf(live)
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = { running: 0, queue: [], at: 0 }))
    if (!held) lane.running++
    else {
      this.#held.add(live)
      lane.queue.push(live)
    }
  }

  isBusy(app: string, workflow: string): boolean {
    return this.#lanes.has(joined(app, workflow))
  }

  /** Forgets an ended execution. @returns the one whose turn it is now, if any is held and none else runs */
  remove(live: Live): Live | null {
    const name = nameOf(live)
    const lane = this.#lanes.get(name)
    if (lane === undefined) return null
    if (!this.#held.delete(live)) lane.running--
    const next = this.#next(lane)
    if (lane.running === 0) this.#lanes.delete(name)
    return next
  }

  /** After a restart: of every workflow the one whose turn it is. */
  *released(): Iterable<Live> {
    for (const lane of this.#lanes.values()) {
      const next = this.#next(lane)
      if (next !== null) yield next
    }
  }

  /** From here on it counts as running, whether or not it has been told yet. */
  #next(lane: Lane): Live | null {
    if (lane.running > 0) return null
    while (lane.at < lane.queue.length) {
      const live = lane.queue[lane.at++]!
      if (!this.#held.delete(live)) continue
      lane.running = 1
      if (lane.at >= COMPACT_AT) {
        lane.queue.splice(0, lane.at)
        lane.at = 0
      }
      return live
    }
    return null
  }
}

/** Until then those that had their turn stay in front of the queue: to take them out one by one moves all others. */
const COMPACT_AT = 1024

function nameOf({ pin }: Live): string {
  return joined(pin.app, pin.workflow)
}
