import { joined } from "../../base/joined.ts"
import type { PinnedWorkflow } from "../applications/pinned.ts"

/** Which workflows an event may trigger, by (service, event). */
export class Triggers {
  #byTopic = new Map<string, PinnedWorkflow[]>()

  rebuild(workflows: Iterable<PinnedWorkflow>): void {
    this.#byTopic = new Map()
    for (const pinned of workflows) {
      const { service, event } = pinned.definition.trigger
      const topic = joined(service, event)
      const list = this.#byTopic.get(topic)
      if (list === undefined) this.#byTopic.set(topic, [pinned])
      else list.push(pinned)
    }
  }

  find(service: string, event: string): readonly PinnedWorkflow[] {
    return this.#byTopic.get(joined(service, event)) ?? []
  }
}
