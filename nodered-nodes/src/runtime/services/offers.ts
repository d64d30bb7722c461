import type { ManifestInput } from "../../../../agent/sdk.ts"
import { JsonFile } from "../json-file.ts"
import type { Red } from "../red.ts"

/** A service that this Node-RED registered. */
export interface Offer {
  /** Id of the agent's configuration node. */
  readonly agent: string
  readonly manifest: ManifestInput
}

/** The services that this Node-RED registered: no other one is changed or taken away. Kept over restarts. */
export class Offers {
  readonly #file: JsonFile<{ readonly v: 1; readonly offers: readonly Offer[] }>
  readonly #offers = new Map<string, Offer>()

  constructor(red: Red) {
    this.#file = new JsonFile(red.settings.userDir, "mesg-services.json")
    const kept = this.#file.read((problem) => red.log.warn(`mesg: ${problem.message}`))
    for (const offer of kept?.offers ?? []) this.#offers.set(keyOf(offer.agent, offer.manifest.id), offer)
  }

  has(agent: string, id: string): boolean {
    return this.#offers.has(keyOf(agent, id))
  }

  all(): readonly Offer[] {
    return [...this.#offers.values()]
  }

  /** Before it is registered: what a crash leaves behind is then known. @throws where the folder cannot be written */
  set(offer: Offer): void {
    this.#offers.set(keyOf(offer.agent, offer.manifest.id), offer)
    this.#write()
  }

  forget({ agent, manifest }: Offer): void {
    this.#offers.delete(keyOf(agent, manifest.id))
    this.#write()
  }

  #write(): void {
    this.#file.write({ v: 1, offers: this.all() })
  }
}

export function keyOf(agent: string, id: string): string {
  return JSON.stringify([agent, id])
}
