import * as v from "valibot"
import { utf8 } from "../../base/bytes.ts"
import { SERVICE_REFUSALS_KEPT_MAX } from "../../base/limits.ts"
import { Said } from "../../base/said.ts"
import { topicMatches } from "../../base/topic.ts"
import type { Broker, Sender } from "../../ports/broker.ts"
import type { Log } from "../../ports/log.ts"
import { ServiceIdSchema } from "../../schema/names.ts"
import { serviceTopic, TOPIC_ROOT } from "../../schema/service-message.ts"

/** What a service behind MQTT publishes. `event/#` with more levels than an id has is recorded as a refused event. */
const FOR_SERVICES = ["manifest", "event/#", "result/+"].map((rest) => `${TOPIC_ROOT}/+/${rest}`)
const FEED = `${TOPIC_ROOT}/feed/#`
/** What the Core publishes. */
const FOR_THE_CORE = [FEED, ...["status", "task/+", "verify/+", "recover/+"].map((rest) => `${TOPIC_ROOT}/+/${rest}`)]

interface Refusal {
  readonly code: "TOPIC_REFUSED" | "SERVICE_ID_TAKEN"
  readonly reason: string
  readonly remedy: string
}

/** What nobody but the Core publishes below `mesg/v1/`, whatever their rights. See docs/spec/service.md#topics */
export class ReservedTopics {
  readonly #broker: Broker
  readonly #log: Log
  readonly #said = new Said(SERVICE_REFUSALS_KEPT_MAX)

  constructor(broker: Broker, log: Log) {
    this.#broker = broker
    this.#log = log
  }

  /** Everything but what services behind MQTT say. @returns ends it */
  reserveRest(): () => void {
    const refused = (topic: string, from: Sender) => {
      const ofTheCore = FOR_THE_CORE.some((filter) => topicMatches(filter, topic))
      const reason = ofTheCore ? `only the Core publishes to ${topic}` : `${topic} is no topic of a service`
      const [, , service = ""] = topic.split("/")
      const remedy = "see the topics of a service in docs/spec/service.md"
      return this.#refuse({ code: "TOPIC_REFUSED", reason, remedy }, service, from)
    }
    // No service has the id `feed`, but `+` is that, too.
    const ends = [
      this.#broker.reserve({ filter: FEED, except: [], refused }),
      this.#broker.reserve({ filter: `${TOPIC_ROOT}/#`, except: FOR_SERVICES, refused }),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  /** The manifest of a service that runs on this Core. @returns ends it */
  reserveManifest(service: string): () => void {
    const reason = `service "${service}" runs on this Core`
    const refusal = { code: "SERVICE_ID_TAKEN", reason, remedy: "give that service another id" } as const
    return this.#broker.reserve({
      filter: serviceTopic.manifest(service),
      except: [],
      refused: (_, from) => this.#refuse(refusal, service, from),
    })
  }

  /** Logged once for each client. Told where the service listens, if the client may speak for it. */
  async #refuse(refusal: Refusal, service: string, { clientId: client, principal }: Sender): Promise<void> {
    if (this.#said.isNews(client)) {
      const message = "an MQTT client published what only the Core may; it is named once"
      this.#log.warn(message, { ...refusal, service, client })
    }
    const speaksForIt = principal.publish.some((filter) => topicMatches(filter, serviceTopic.manifest(service)))
    if (!speaksForIt || !v.is(ServiceIdSchema, service)) return
    // Not kept: the status that is kept is the verdict on the manifest.
    const payload = utf8(refusal.reason)
    await this.#broker.publish({ topic: serviceTopic.status(service), payload, qos: 1, retain: false })
  }
}
