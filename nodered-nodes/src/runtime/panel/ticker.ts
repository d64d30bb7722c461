import { PANEL_TICK_MS } from "../limits.ts"
import type { Red } from "../red.ts"

/** Open editors are told by this topic that the panel has changed; those that show it read it then. */
const TOPIC = "mesg/panel"

/** Tells editors of changes, at most once in PANEL_TICK_MS, however many there are. */
export class PanelTicker {
  readonly #red: Red
  #isDue = false
  #revision = 0

  constructor(red: Red) {
    this.#red = red
  }

  readonly changed = (): void => {
    if (this.#isDue) return
    this.#isDue = true
    const tick = setTimeout(() => {
      this.#isDue = false
      this.#revision++
      // Retained, so that an editor that was away learns it when it comes back.
      this.#red.comms.publish(TOPIC, { revision: this.#revision }, true)
    }, PANEL_TICK_MS)
    tick.unref()
  }
}
