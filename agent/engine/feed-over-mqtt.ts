import { messageOf } from "../base/errors.ts"
import { utf8 } from "../base/bytes.ts"
import { joined } from "../base/joined.ts"
import { FAILURES_LOGGED_PER_S_MAX } from "../base/limits.ts"
import { LineQuota } from "../base/line-quota.ts"
import { TOPIC_ROOT } from "../schema/service-message.ts"
import type { FeedItem } from "./core.ts"
import type { FeedLog } from "./feed.ts"
import type { ServicePorts } from "./services/services.ts"

type FeedPorts = Pick<ServicePorts, "broker" | "clock" | "log">

const ROOT = `${TOPIC_ROOT}/feed`

/** `mesg/v1/feed/…`: what happens, for MQTT clients. An item that nobody subscribed to is never put together. */
export function feedOverMqtt(feed: FeedLog, { broker, clock, log }: FeedPorts): () => void {
  const quota = new LineQuota(
    FAILURES_LOGGED_PER_S_MAX,
    () => clock.elapsed(),
    (count) => log.warn("more of the feed could not be published", { count }),
  )
  const end = feed.tap((name, draft) => {
    const topic = joined(ROOT, name)
    if (!broker.wanted(topic)) return
    const payload = utf8(JSON.stringify(bodyOf(draft() as FeedItem)))
    broker.publish({ topic, payload, qos: 1, retain: false }).catch((error) => {
      if (quota.allows()) log.warn("the feed could not be published", { topic, error: messageOf(error) })
    })
  })
  return () => {
    end()
    quota.tellLeftOut()
  }
}

function bodyOf(item: FeedItem): unknown {
  switch (item.kind) {
    case "event": {
      const { id, data, timeMs } = item.event
      return { id, data, time: new Date(timeMs).toISOString() }
    }
    case "event-refused":
      return item.event
    case "execution":
      return item.execution
    case "service":
      return item.service
    case "application": {
      const { deployedMs, ...application } = item.application
      return { ...application, deployed: new Date(deployedMs).toISOString(), removed: item.removed }
    }
  }
}
