import type { Duplex } from "node:stream"
import type { ServiceMessage, WebhookHandler } from "../../ports/service-author.ts"
import type { Json, JsonObject } from "../../schema/json.ts"

export type LogLevel = "debug" | "info" | "warn" | "error"

/** What a service's context stands on: the agent itself, or the way to it from a child process. */
export interface Backend {
  /** @param patient whether it waits while the agent has no room */
  emit(event: string, data: Json, id: string | undefined, patient: boolean): Promise<void>
  log(level: LogLevel, message: string, fields: JsonObject): void
  storeGet(key: string): Promise<Json | undefined>
  storeSet(key: string, value: Json | undefined): Promise<void>
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1 | 2; retain: boolean }): Promise<void>
  subscribe(
    filter: string,
    handler: (message: ServiceMessage) => Promise<void>,
    event: string | null,
  ): Promise<() => Promise<void>>
  webhook(path: string, handler: WebhookHandler): Promise<() => Promise<void>>
  fetch(url: string | URL, options: RequestInit | undefined, signal: AbortSignal): Promise<Response>
  connect(target: { host: string; port: number; tls?: boolean }, signal: AbortSignal): Promise<Duplex>
}
