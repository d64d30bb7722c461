import { MQTT_TOPIC_CACHE_MAX } from "../../base/limits.ts"
import { filterCovers, topicMatches } from "../../base/topic.ts"
import type { Principal } from "../../ports/broker.ts"

/** What one principal may do, with the answers for topics remembered. Replaced, never changed, when rights change. */
export class Rights {
  readonly principal: Principal
  readonly #publish = new Map<string, boolean>()

  constructor(principal: Principal) {
    this.principal = principal
  }

  mayPublish(topic: string): boolean {
    const known = this.#publish.get(topic)
    if (known !== undefined) return known
    // `$SYS` is the broker's own: nobody writes there, whatever the filters say.
    const may = !isSystemTopic(topic) && this.principal.publish.some((filter) => topicMatches(filter, topic))
    if (this.#publish.size >= MQTT_TOPIC_CACHE_MAX) this.#publish.clear()
    this.#publish.set(topic, may)
    return may
  }

  /** A subscription wider than every right is refused whole. */
  maySubscribe(filter: string): boolean {
    return this.principal.subscribe.some((wide) => filterCovers(wide, filter))
  }

  /** Asked again for each topic that is delivered, for rights may have shrunk since the subscription. */
  mayReceive(topic: string): boolean {
    return this.principal.subscribe.some((filter) => topicMatches(filter, topic))
  }
}

export function isSystemTopic(topic: string): boolean {
  return topic === "$SYS" || topic.startsWith("$SYS/")
}
