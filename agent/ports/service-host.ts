import type { TaskExecutionId } from "../base/ids.ts"
import type { Soon } from "../base/soon.ts"
import type { Json, JsonObject } from "../schema/json.ts"
import type { Manifest } from "../schema/manifest.ts"

/** How a service of this Core runs. */
export type Isolation = "in-process" | "confined"

export interface ServiceSpec {
  readonly manifest: Manifest
  /** Folder with `service.yml` and `index.{ts,js,mjs}`. */
  readonly folder: string
  readonly isolation: Isolation
  /** Settings with the secrets opened. */
  readonly config: JsonObject
  /** What the owner granted beyond the manifest, `network: any` for one. */
  readonly grants: { readonly network: "declared" | "any" }
}

/**
 * What a running service may ask of the agent, for one run of it. Subscriptions and webhooks are ended here when the
 * service no longer wants them; what is open when the run ends, who made the bridge takes back: messages then wait for
 * the next run.
 */
export interface ServiceBridge {
  /**
   * Resolves when the event is durable.
   * @param options.patient whether it waits for room (the default), or fails with OVERLOADED: for who answers a request
   * @throws EventError with the reason
   */
  emit(event: string, data: Json, id?: string, options?: { readonly patient: boolean }): Promise<void>
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>): void
  storeGet(key: string): Json | undefined
  storeSet(key: string, value: Json | undefined): Promise<void>
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1 | 2; retain: boolean }): Promise<void>
  /**
   * The handler's promise is awaited before the publisher is acknowledged.
   * @param event null, or an event of the service: while no application uses it, messages are not handed over
   */
  subscribe(
    filter: string,
    handler: (
      topic: string,
      payload: Uint8Array,
      about: { readonly qos: 0 | 1 | 2; readonly retained: boolean },
    ) => Promise<void> | void,
    event: string | null,
  ): () => void
  /** A path below `/hooks/` of the agent's HTTP server. @returns takes it away */
  webhook(path: string, handler: (request: WebhookRequest) => Promise<WebhookResponse>): () => void
  /** Told once when the service ended by itself: crash, exit, memory cap, missed heartbeat. */
  ended(reason: { code: string; message: string }): void
}

export interface WebhookRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface WebhookResponse {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface TaskCall {
  readonly execution: TaskExecutionId
  readonly task: string
  readonly inputs: Json
  /** ms since epoch. */
  readonly deadlineMs: number
}

/**
 * How an attempt ended. `unknown`: nobody can say whether the effect happened (the service died, did not answer in time
 * or lost its connection); an effectful task is then never tried again by itself.
 */
export type TaskAnswer =
  | { readonly kind: "result"; readonly status: string; readonly data: Json }
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly outcome: "known" | "unknown" }

export type RecoverAnswer =
  | { readonly kind: "result"; readonly status: string; readonly data: Json }
  | { readonly kind: "not-done" }
  | { readonly kind: "unknown" }

/** Tells a call to end: an AbortController whose signal is made when somebody looks at it, which few short calls do. */
export interface Stop {
  readonly signal: AbortSignal
}

/** A Service that can be called: a plugin, a confined child, or a program behind MQTT. */
export interface RunningService {
  /** At once where the task answers without waiting. Never throws or rejects; ends soon after the signal aborts. */
  execute(call: TaskCall, stop: Stop): Soon<TaskAnswer>
  recover(call: TaskCall, signal: AbortSignal): Promise<RecoverAnswer>
  /** @returns null where the service does not verify this task */
  verify(call: TaskCall, result: { status: string; data: Json }, signal: AbortSignal): Promise<boolean | null>
  stop(): Promise<void>
  /** Memory of its own process in bytes, null where it shares the agent's. */
  memory(): number | null
}

export interface ServiceHost {
  /** Reads and checks `service.yml` of a folder. @throws ServiceError MANIFEST_INVALID, MANIFEST_MISSING */
  manifestOf(folder: string): Promise<Manifest>
  /** @throws ServiceError START_FAILED, START_TIMEOUT */
  run(spec: ServiceSpec, bridge: ServiceBridge): Promise<RunningService>
}

/** Where added services live: `<home>/plugins/`. */
export interface ServiceShelf {
  /** Copies a folder onto the shelf, whole or not at all. @returns the name of the copy. @throws ServiceError SERVICE_CODE_MISSING, SOURCE_INVALID */
  put(folder: string, id: string): Promise<string>
  /** Where a copy is now: names outlive the folder of the home, paths do not. */
  folderOf(name: string): string
  /** Takes a copy away. */
  remove(name: string): Promise<void>
}
