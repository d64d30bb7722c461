import type { Duplex } from "node:stream"
import type { Json, JsonObject } from "../schema/json.ts"
import type { WebhookRequest, WebhookResponse } from "./service-host.ts"

/** What a service gets for as long as it runs; the same in the agent's process and in one of its own. */
export interface ServiceContext<Config = JsonObject> {
  /** The service's id. */
  readonly service: string
  /** Settings, checked against the manifest, defaults filled in, secrets opened. */
  readonly config: Config
  /** Aborts when the service stops. */
  readonly signal: AbortSignal
  readonly log: ServiceLog
  readonly store: ServiceStore
  readonly mqtt: ServiceMqtt
  /**
   * Reports an event of the manifest.
   * @param options.id makes a repeat recognisable: the same id is accepted once within the window of docs/spec/events.md
   * @returns when the event is durable
   * @throws where the agent refused it; the error's `code` says why
   */
  emit(event: string, data: unknown, options?: { id?: string }): Promise<void>
  /**
   * Answers HTTP requests to `/hooks/<path>` of the agent.
   * @returns takes the webhook away
   */
  webhook(path: string, handler: WebhookHandler): Promise<() => Promise<void>>
  /** `fetch`; a confined service reaches only the hosts its manifest declares. @throws code NETWORK_REFUSED */
  fetch(url: string | URL, options?: RequestInit): Promise<Response>
  /** A TCP (or TLS) stream, under the same rule as `fetch`. @throws code NETWORK_REFUSED */
  connect(target: { host: string; port: number; tls?: boolean }): Promise<Duplex>
}

/** What one task call gets beside that. `signal` aborts when the task is cancelled, timed out, or the service stops. */
export interface TaskContext<Config = JsonObject> extends ServiceContext<Config> {
  /** The task execution's id: the same over every retry. Use it as the idempotency key towards the outside. */
  readonly execution: string
  readonly task: string
  /** ms since epoch; later answers no longer count. */
  readonly deadlineMs: number
}

export interface ServiceLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** A small private key-value space of the service; a set is durable when it resolves. */
export interface ServiceStore {
  get(key: string): Promise<Json | undefined>
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
}

export interface ServiceMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retained: boolean
}

/** The agent's own broker. */
export interface ServiceMqtt {
  publish(topic: string, payload: string | Uint8Array, options?: { qos?: 0 | 1 | 2; retain?: boolean }): Promise<void>
  /**
   * The publisher is acknowledged after the handler's promise.
   * @param options.event an event of the manifest: while no application uses it, messages are not handed over
   * @returns ends the subscription
   */
  subscribe(
    filter: string,
    handler: (message: ServiceMessage) => unknown,
    options?: { event?: string },
  ): Promise<() => Promise<void>>
}

export type WebhookHandler = (request: WebhookRequest) => WebhookResponse | Promise<WebhookResponse>

export interface TaskResult {
  readonly status: string
  readonly data?: unknown
}

export type TaskHandler<Config = JsonObject> = (
  inputs: never,
  ctx: TaskContext<Config>,
) => TaskResult | Promise<TaskResult>
export type VerifyHandler<Config = JsonObject> = (
  inputs: never,
  result: { status: string; data: never },
  ctx: TaskContext<Config>,
) => boolean | Promise<boolean>
export type RecoverHandler<Config = JsonObject> = (
  inputs: never,
  ctx: TaskContext<Config>,
) => TaskResult | "not-done" | "unknown" | Promise<TaskResult | "not-done" | "unknown">

/** The default export of a service's `index.{ts,js,mjs}`. Inputs have been checked against the manifest. */
export interface ServiceModule<Config = JsonObject> {
  start?(ctx: ServiceContext<Config>): unknown
  stop?(): unknown
  readonly tasks?: Readonly<Record<string, TaskHandler<Config>>>
  /** Judges a result that somebody else gave for the same inputs. */
  readonly verify?: Readonly<Record<string, VerifyHandler<Config>>>
  /** Says what became of a task that a crash interrupted. */
  readonly recover?: Readonly<Record<string, RecoverHandler<Config>>>
}
