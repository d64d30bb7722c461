import assert from "node:assert/strict"
import { REMOTE_EVENTS_PENDING_MAX } from "../../../../agent/base/limits.ts"
import { remoteService } from "../../../../agent/sdk.ts"
import { startBroker, stopBrokers } from "../../../support/mqtt-broker.ts"

describe("a service behind MQTT", () => {
  after(stopBrokers)

  it("is refused with REMOTE_BUSY what comes while too many events wait for the Core", async () => {
    const mayTake = Promise.withResolvers<void>()
    const { port } = await startBroker({
      prepare: (own) => {
        own.subscribe("mesg/v1/+/event/#", () => mayTake.promise)
        own.subscribe("mesg/v1/+/manifest", ({ topic }) => {
          const status = topic.replace("/manifest", "/status")
          return own.publish({ topic: status, payload: Buffer.from("ok"), qos: 1, retain: true })
        })
      },
    })
    const manifest = { id: "meter", name: "Meter", version: "1.0.0", events: { read: { data: {} } } }
    const service = await remoteService(manifest, {}, { mqtt: `mqtt://127.0.0.1:${port}`, core: "ab".repeat(32) })
    const emitted = Array.from({ length: REMOTE_EVENTS_PENDING_MAX }, (_, n) => service.emit("read", { n }))
    await assert.rejects(service.emit("read", { n: -1 }), { code: "REMOTE_BUSY" })
    mayTake.resolve()
    await Promise.all(emitted)
    await service.stop()
  })
})
