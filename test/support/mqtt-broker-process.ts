import { startBroker } from "./mqtt-broker.ts"

/** A broker in a process of its own, for tests that measure memory or must see it survive. Speaks over IPC. */
const { broker, port } = await startBroker()
process.on("message", (question) => {
  if (question === "memory") {
    globalThis.gc?.()
    process.send?.({ rss: process.memoryUsage.rss(), clients: broker.clients().length })
  }
})
process.on("disconnect", () => process.exit(0))
process.send?.({ port })
