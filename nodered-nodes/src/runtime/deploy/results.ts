import type { Execution } from "../api/shapes.ts"
import { PANEL_RESULTS_MAX } from "../limits.ts"
import type { PanelResult } from "../panel/view.ts"

/** The last executions of an application that ended, newest first. */
export class Results {
  #items: readonly PanelResult[] = []

  get items(): readonly PanelResult[] {
    return this.#items
  }

  /** One that is here already, or older than all that are kept, changes nothing. */
  add({ id, workflow, status, finished }: Execution): void {
    if (finished === null || this.#items.some(({ execution }) => execution === id)) return
    this.#items = [{ execution: id, workflow, status, finished }, ...this.#items]
      .sort((a, b) => Date.parse(b.finished) - Date.parse(a.finished))
      .slice(0, PANEL_RESULTS_MAX)
  }
}
