import type { RemoteHandlers, RemoteOptions, RemoteServiceHandle } from "./ports/remote-author.ts"
import type { ServiceContext, ServiceModule, TaskContext } from "./ports/service-author.ts"
import type { Infer } from "./schema/infer-data.ts"
import type { JsonObject } from "./schema/json.ts"
import type { ManifestInput } from "./schema/manifest.ts"

export { type MqttAddress, mqttAddress } from "./base/mqtt-address.ts"
export { pause } from "./base/pause.ts"
export type { RemoteHandlers, RemoteOptions, RemoteServiceHandle, RemoteTaskContext } from "./ports/remote-author.ts"
export { TaskError } from "./base/task-error.ts"
export type {
  ServiceContext,
  ServiceLog,
  ServiceMessage,
  ServiceModule,
  ServiceMqtt,
  ServiceStore,
  TaskContext,
  TaskResult,
  WebhookHandler,
} from "./ports/service-author.ts"
export type { WebhookRequest, WebhookResponse } from "./ports/service-host.ts"
export type { Infer } from "./schema/infer-data.ts"
export { type Json, type JsonObject, type ParsedJson, parseJson } from "./schema/json.ts"
export type { ManifestInput } from "./schema/manifest.ts"

type Member<Thing, Key extends string> = Key extends keyof Thing ? Thing[Key] : Record<never, never>
type InputsOf<Task> = Task extends { readonly inputs: infer Schema } ? Infer<Schema> : unknown
type ResultOf<Task> = Task extends { readonly statuses: infer Statuses }
  ? { [S in keyof Statuses]: { readonly status: S } & DataOf<Statuses[S]> }[keyof Statuses]
  : never
type DataOf<Status> = Status extends { readonly data: infer Schema }
  ? { readonly data: Infer<Schema> }
  : { readonly data?: Record<string, unknown> }
type Awaitable<Value> = Value | Promise<Value>

/** The handlers that a manifest asks for: one per task, its inputs and statuses typed by their schemas. */
export interface Handlers<Manifest, Config = JsonObject> {
  start?(ctx: ServiceContext<Config>): unknown
  stop?(): unknown
  readonly tasks: {
    readonly [Task in keyof Member<Manifest, "tasks">]: (
      inputs: InputsOf<Member<Manifest, "tasks">[Task]>,
      ctx: TaskContext<Config>,
    ) => Awaitable<ResultOf<Member<Manifest, "tasks">[Task]>>
  }
  readonly verify?: {
    readonly [Task in keyof Member<Manifest, "tasks">]?: (
      inputs: InputsOf<Member<Manifest, "tasks">[Task]>,
      result: ResultOf<Member<Manifest, "tasks">[Task]>,
      ctx: TaskContext<Config>,
    ) => Awaitable<boolean>
  }
  readonly recover?: {
    readonly [Task in keyof Member<Manifest, "tasks">]?: (
      inputs: InputsOf<Member<Manifest, "tasks">[Task]>,
      ctx: TaskContext<Config>,
    ) => Awaitable<ResultOf<Member<Manifest, "tasks">[Task]> | "not-done" | "unknown">
  }
}

/**
 * The code of a Service, for the default export of its `index.ts`. At run time it is what you gave; it exists for its types.
 * With a manifest literal (`as const` is not needed), inputs, statuses and their data are typed by their schemas;
 * without, name the type of the settings and annotate the inputs of each task.
 */
export function defineService<const Manifest extends ManifestInput>(
  manifest: Manifest,
  handlers: Handlers<Manifest>,
): ServiceModule
export function defineService<Config = JsonObject>(handlers: ServiceModule<Config>): ServiceModule<Config>
export function defineService(first: unknown, handlers?: unknown): ServiceModule {
  return (handlers ?? first) as ServiceModule
}

/**
 * Runs a Service in this program, bridged to an agent over MQTT: registers the manifest, verifies that each request was
 * signed by its Core, answers it once, and goes on after every reconnection.
 * @param options.signal gives up waiting for the Core's first verdict
 * @returns once the Core has taken the manifest
 * @throws RemoteServiceError REMOTE_REFUSED with the Core's reasons, REMOTE_UNREACHABLE
 */
export async function remoteService(
  manifest: ManifestInput,
  handlers: RemoteHandlers,
  options: RemoteOptions & { signal?: AbortSignal },
): Promise<RemoteServiceHandle> {
  // Loaded here, so that a plugin, which also imports this file, does not pay for an MQTT client.
  const { RemoteServiceClient } = await import("./io/remote-service/remote-service.ts")
  const service = new RemoteServiceClient(manifest, handlers, options)
  await service.start(options.signal)
  return service
}
