import assert from "node:assert/strict"
import { FAILURES_LOGGED_PER_S_MAX } from "../../../agent/base/limits.ts"
import { FeedLog } from "../../../agent/engine/feed.ts"
import { feedOverMqtt } from "../../../agent/engine/feed-over-mqtt.ts"
import { FakeBroker } from "../../support/fake-broker.ts"
import { FakeClock } from "../../support/fake-clock.ts"
import { KeptLog } from "../../support/kept-log.ts"

class FullBroker extends FakeBroker {
  override wanted(): boolean {
    return true
  }

  override async publish(): Promise<void> {
    throw new Error("no room")
  }
}

describe("the feed over MQTT", () => {
  it("logs so many items a second that could not be published, and at its end how many more", async () => {
    const feed = new FeedLog()
    const log = new KeptLog()
    const end = feedOverMqtt(feed, { broker: new FullBroker(), clock: new FakeClock(), log })
    const event = { service: "ocpp", event: "stopped", data: {}, id: null, timeMs: 0 } as never
    for (let i = 0; i < 100; i++) feed.publish("event/ocpp/stopped", () => ({ kind: "event", event }))
    await new Promise(setImmediate)
    const one = log.lines.filter(({ message }) => message === "the feed could not be published")
    assert.equal(one.length, FAILURES_LOGGED_PER_S_MAX)
    assert.deepEqual([one[0]!["topic"], one[0]!["error"]], ["mesg/v1/feed/event/ocpp/stopped", "no room"])
    end()
    assert.deepEqual(log.lines.slice(one.length), [
      { level: "warn", message: "more of the feed could not be published", count: 100 - FAILURES_LOGGED_PER_S_MAX },
    ])
  })
})
