import { execFileSync } from "node:child_process"
import type { TestAgent } from "./agent.ts"

/** Reports an event as a device would: with mosquitto_pub, at QoS 1. It is durable when this returns. */
export function publishEvent({ mqtt }: TestAgent, service: string, event: string, data: object): void {
  const to = ["-h", mqtt.host, "-p", String(mqtt.port), "-q", "1", "-t", `mesg/v1/${service}/event/${event}`]
  execFileSync("mosquitto_pub", [...to, "-m", JSON.stringify(data)])
}
