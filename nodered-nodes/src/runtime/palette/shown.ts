import type { Red } from "../red.ts"
import type { Applications } from "./applications.ts"
import type { PaletteView } from "./definition.ts"
import type { Palette } from "./palette.ts"

/** Open editors are told by this topic that there is a new revision. */
const TOPIC = "mesg/palette"

/** What editors are given of the services and applications of all agents. */
export class ShownPalette {
  readonly #red: Red
  readonly #palette: Palette
  readonly #applications: Applications
  /** Revisions of an earlier start are other ones. */
  readonly #started = Date.now().toString(36)
  #revision = 0

  constructor(red: Red, palette: Palette, applications: Applications) {
    this.#red = red
    this.#palette = palette
    this.#applications = applications
  }

  view(): PaletteView {
    return {
      revision: this.#revisionText(),
      services: this.#palette.definitions(),
      placeholders: this.#palette.placeholders(),
      applications: this.#applications.definitions((id) => this.#palette.manifest(id)),
    }
  }

  /** Tells open editors. */
  changed(): void {
    this.#revision++
    // Retained, so that an editor that was away learns it when it comes back.
    this.#red.comms.publish(TOPIC, { revision: this.#revisionText() }, true)
  }

  #revisionText(): string {
    return `${this.#started}.${this.#revision}`
  }
}
