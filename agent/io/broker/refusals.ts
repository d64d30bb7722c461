import { MQTT_REFUSED_CLIENTS_KEPT_MAX } from "../../base/limits.ts"
import { Said } from "../../base/said.ts"
import type { Reserved, Sender } from "../../ports/broker.ts"
import type { Log } from "../../ports/log.ts"
import type { Metrics } from "../../ports/metrics.ts"
import type { Counters } from "./counters.ts"

/** Messages that go nowhere: their publisher had no right to the topic, or only the agent publishes there. */
export class Refusals {
  readonly #counters: Counters
  readonly #metrics: Metrics
  readonly #log: Log
  readonly #named = new Said(MQTT_REFUSED_CLIENTS_KEPT_MAX)

  constructor(counters: Counters, metrics: Metrics, log: Log) {
    this.#counters = counters
    this.#metrics = metrics
    this.#log = log
  }

  /** @returns what its acknowledgement waits for */
  refuse(from: Sender, topic: string, reserved: Reserved | null): Promise<void> | null {
    this.#counters.publishRefused++
    this.#metrics.count("mesg_mqtt_publish_refused_total")
    if (reserved !== null) return reserved.refused(topic, from)
    const { clientId } = from
    if (this.#named.isNews(clientId))
      this.#log.warn("an MQTT client may not publish there; it is named once", { clientId, topic })
    return null
  }
}
