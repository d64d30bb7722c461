import type { JsonObject } from "../schema/json.ts"
import type { ManifestInput } from "../schema/manifest.ts"
import type { TaskResult } from "./service-author.ts"

/** What a handler of a service behind MQTT gets. `signal` aborts at the deadline and when the service stops. */
export interface RemoteTaskContext {
  readonly service: string
  /** The task execution's id: the same over every retry. Use it as the idempotency key towards the outside. */
  readonly execution: string
  readonly task: string
  /** ms since epoch; later answers no longer count. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
  emit(event: string, data: unknown, options?: { id?: string }): Promise<void>
}

type Awaitable<Value> = Value | Promise<Value>

/** The handlers of a service behind MQTT; the same names as in a service that the agent runs. */
export interface RemoteHandlers {
  readonly tasks?: Readonly<Record<string, (inputs: never, ctx: RemoteTaskContext) => Awaitable<TaskResult>>>
  readonly verify?: Readonly<
    Record<
      string,
      (inputs: never, result: { status: string; data: never }, ctx: RemoteTaskContext) => Awaitable<boolean>
    >
  >
  readonly recover?: Readonly<
    Record<string, (inputs: never, ctx: RemoteTaskContext) => Awaitable<TaskResult | "not-done" | "unknown">>
  >
}

export interface RemoteOptions {
  /** The agent's broker: `mqtt://`, `mqtts://`, `ws://` or `wss://`. A function is asked before each connection. */
  readonly mqtt: string | (() => string)
  readonly username?: string
  /** The service's token (`mesg token create --service <id>`). A function is asked before each connection. */
  readonly password?: string | (() => string)
  /** PEM of the CA of the agent's certificate. */
  readonly ca?: string
  /** Node key of the Core that this service works for, 64 hex digits; `run/agent.json` has it. Without, the first to sign a request. */
  readonly core?: string
  readonly clientId?: string
  log?(level: "warn" | "error", message: string, fields: JsonObject): void
}

export interface RemoteServiceHandle {
  readonly id: string
  /**
   * Reports an event; an id is made where none is given.
   * @returns when the Core has it durably
   * @throws RemoteServiceError REMOTE_EVENT_INVALID, REMOTE_BUSY, REMOTE_UNREACHABLE
   */
  emit(event: string, data: unknown, options?: { id?: string }): Promise<void>
  /**
   * Registers another manifest of the same id, with its handlers. What runs goes on and is answered; later requests come
   * to these handlers.
   * @param signal gives up waiting for the Core's verdict
   * @throws RemoteServiceError REMOTE_REFUSED with the Core's reasons, REMOTE_UNREACHABLE
   */
  update(manifest: ManifestInput, handlers: RemoteHandlers, signal?: AbortSignal): Promise<void>
  /** Takes the registration away: applications that use the service find it unknown. */
  unregister(): Promise<void>
  /** Disconnects; the registration stays. */
  stop(): Promise<void>
}
