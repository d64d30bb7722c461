import type { ApplicationName, ExecutionId, ServiceId, TaskExecutionId } from "../base/ids.ts"
import type { Application, Refusal, Warning } from "../schema/application.ts"
import type { Event, RefusedEvent } from "../schema/event.ts"
import type { ExecutionStatus, ExecutionView, TaskState, TransitionView } from "../schema/execution.ts"
import type { Json, JsonObject } from "../schema/json.ts"
import type { Manifest } from "../schema/manifest.ts"
import type { Isolation, WebhookRequest, WebhookResponse } from "../ports/service-host.ts"

/** Everything the api may ask of the engine: one facade per area, each the file of its folder's name. */
export interface Core {
  readonly events: Events
  readonly executions: Executions
  readonly applications: Applications
  readonly services: Services
  readonly feed: Feed
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Where to go on, null at the end. Opaque. */
  readonly cursor: string | null
}

export interface Paging {
  readonly limit?: number
  readonly cursor?: string
}

export interface Events {
  /**
   * Takes an event: checked against its manifest, recognised if its id was seen, matched, durable when this resolves.
   * @throws EventError UNKNOWN_SERVICE, UNKNOWN_EVENT, EVENT_DATA_INVALID, EVENT_TOO_LARGE, OVERLOADED (try later),
   * SAFE_MODE
   */
  accept(event: { service: string; event: string; data: Json; id?: string | null }): Promise<Accepted>
  refused(paging: Paging): Page<RefusedEvent>
  counts(): { accepted: number; duplicates: number; refused: number; unmatched: number }
}

export interface Accepted {
  readonly event: Event
  readonly duplicate: boolean
  /** A duplicate by its id whose data is another: the first one counts. */
  readonly differs: boolean
  /** Executions the event created. */
  readonly executions: readonly ExecutionId[]
}

export interface ExecutionFilter extends Paging {
  readonly app?: string
  readonly status?: ExecutionStatus
  /** Only those started at or after, ms since epoch. */
  readonly sinceMs?: number
}

export interface Executions {
  list(filter: ExecutionFilter): Page<ExecutionView>
  /** @throws ExecutionError EXECUTION_NOT_FOUND */
  show(id: ExecutionId): ExecutionView & { readonly transitions: readonly TransitionView[] }
  /** @throws ExecutionError EXECUTION_NOT_FOUND, EXECUTION_ENDED */
  cancel(id: ExecutionId): Promise<ExecutionView>
  /** A new execution of the same trigger and version. @throws ExecutionError EXECUTION_NOT_FOUND, EXECUTION_NOT_ENDED; EventError SAFE_MODE */
  retry(id: ExecutionId): Promise<ExecutionView>
  counts(): { running: number; waiting: number; completed: number; failed: number; cancelled: number }
}

export interface Applications {
  /** Parses nothing from text: `document` is the application as JSON. */
  validate(document: unknown): Promise<Verdict>
  /** @throws ApplicationError APPLICATION_REFUSED with the refusals */
  deploy(document: unknown, config: JsonObject): Promise<ApplicationView & { readonly warnings: readonly Warning[] }>
  /**
   * What would become of one event, without running or keeping anything.
   * @throws ApplicationError APPLICATION_CONFIG_INVALID, WORKFLOW_NOT_FOUND, OUTCOME_INVALID; EventError EVENT_DATA_INVALID, EVENT_TOO_LARGE
   */
  dryRun(document: unknown, what: DryRunRequest): Promise<DryRun>
  list(paging: Paging): Page<ApplicationView>
  /** @throws ApplicationError APPLICATION_NOT_FOUND */
  show(name: ApplicationName): ApplicationView & { readonly document: Application }
  pause(name: ApplicationName): Promise<ApplicationView>
  resume(name: ApplicationName): Promise<ApplicationView>
  /** Running executions finish. */
  remove(name: ApplicationName): Promise<void>
  /**
   * Starts one execution by hand, as if `data` were the trigger's.
   * @throws ApplicationError APPLICATION_NOT_FOUND, WORKFLOW_NOT_FOUND; EventError EVENT_DATA_INVALID, EVENT_TOO_LARGE,
   * OVERLOADED, SAFE_MODE
   */
  run(name: ApplicationName, workflow: string | null, data: Json): Promise<ExecutionView>
}

export interface Verdict {
  readonly ok: boolean
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly Warning[]
}

export interface DryRunRequest {
  readonly config: JsonObject
  /** Null where there is only one. */
  readonly workflow: string | null
  /** The trigger's; made up from its schema where it is left out. */
  readonly data: Json | undefined
  /** How tasks are taken to end, by their names. */
  readonly outcomes: Readonly<Record<string, Outcome>>
}

export interface Outcome {
  readonly status: string
  readonly data?: Json | undefined
}

/** `run` is null where the application is refused. */
export interface DryRun extends Verdict {
  readonly run: DryExecution | null
}

export interface DryExecution extends Pick<ExecutionView, "branches"> {
  readonly workflow: string
  /** `passes`: whether its `where` lets the event start an execution. */
  readonly trigger: { readonly service: string; readonly event: string; readonly data: Json; readonly passes: boolean }
  /** Null where nothing starts. */
  readonly status: ExecutionStatus | null
  readonly tasks: Readonly<Record<string, DryTask>>
}

export interface DryTask {
  /** `service.task` or `app:name`. */
  readonly run: string
  readonly state: TaskState
  readonly status: string | null
  readonly data: Json
  /** Null where it is not reached. */
  readonly inputs: Json
  /** Where its end was taken from, null where it does not run. */
  readonly assumed: "given" | "example" | "schema" | null
  /** The event it waits for. */
  readonly waits: { readonly service: string; readonly event: string } | null
}

export interface ApplicationView {
  readonly name: ApplicationName
  readonly description: string | null
  readonly visibility: "private" | "public"
  readonly version: number
  readonly paused: boolean
  readonly deployedMs: number
  /** Secret settings that were sealed under the key of another home: tasks that use them end in SECRET_LOST. */
  readonly lostSecrets: readonly string[]
  /** What its newest version uses and is not here: ids of services, and `app:<name>`. */
  readonly missing: readonly string[]
  readonly workflows: readonly { name: string; trigger: { service: string; event: string }; tasks: readonly string[] }[]
}

export interface Services {
  list(paging: Paging): Page<ServiceView>
  /** @throws RegistryError SERVICE_NOT_FOUND */
  show(id: ServiceId): ServiceView & { readonly manifest: Manifest; readonly config: JsonObject }
  /**
   * Adds or upgrades from a folder or a packed service on this machine, from an address, or from npm, live. That it does
   * not start, or still needs settings, is no refusal: the view tells. `trust` runs it in the agent's process where its
   * manifest asks for that.
   * @param source as of ServiceSources
   * @throws SourceError as there; ServiceError MANIFEST_MISSING, MANIFEST_INVALID, SERVICE_CODE_MISSING, SOURCE_INVALID;
   * RegistryError SERVICE_BUILT_IN, SERVICE_ID_TAKEN, SERVICE_SETTING_UNKNOWN, SETTINGS_INVALID
   */
  add(source: string, options: { trust: boolean; config?: JsonObject; networkAny?: boolean }): Promise<ServiceView>
  /**
   * Merges settings and restarts the service with them; a `secret` value is sealed before it is stored. Refused settings
   * change nothing.
   * @throws RegistryError SERVICE_NOT_FOUND, SERVICE_REMOTE, SERVICE_SETTING_UNKNOWN, SETTINGS_INVALID
   */
  configure(id: ServiceId, config: JsonObject): Promise<ServiceView>
  remove(id: ServiceId): Promise<void>
  /** Calls a task outside any workflow, durably. Resolves when it ended, or the wait is over or given up. */
  call(
    id: ServiceId,
    task: string,
    inputs: Json,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ execution: TaskExecutionId; ended: boolean; status: string | null; data: Json }>
  /** A request to `/hooks/<path>`; null where no service listens there. @throws EventError SAFE_MODE */
  webhook(request: WebhookRequest): Promise<WebhookResponse | null>
}

export interface ServiceWarning {
  readonly message: string
  /** What to do, where the service says it. */
  readonly remedy: string | null
}

export interface ServiceView {
  readonly id: ServiceId
  readonly name: string
  readonly version: string
  readonly description: string
  /** Where it runs: in the agent, in a child process, or behind MQTT. */
  readonly kind: Isolation | "mqtt"
  /** Whether it ships with the agent. */
  readonly shipped: boolean
  /** Whether its owner lets it reach any host, not only those it declares. */
  readonly networkAny: boolean
  /** `needs-configuration`: it is not started before its settings are complete; `offline`: nobody answers behind MQTT. */
  readonly state: "running" | "starting" | "stopped" | "failed" | "needs-configuration" | "offline"
  readonly error: { readonly code: string; readonly message: string } | null
  readonly events: readonly string[]
  readonly tasks: readonly string[]
  readonly restarts: number
  readonly memoryBytes: number | null
  /** Secret settings that were sealed under the key of another home: it runs without them, or not at all. */
  readonly lostSecrets: readonly string[]
  /** What it warned of in its log while it started last: it runs, but not as its owner may think. */
  readonly warnings: readonly ServiceWarning[]
}

export type FeedItem =
  | { readonly seq: number; readonly kind: "event"; readonly event: Event }
  | { readonly seq: number; readonly kind: "event-refused"; readonly event: RefusedEvent }
  | { readonly seq: number; readonly kind: "execution"; readonly execution: ExecutionView }
  | { readonly seq: number; readonly kind: "service"; readonly service: ServiceView }
  /** `removed`: this is how it was last. */
  | {
      readonly seq: number
      readonly kind: "application"
      readonly application: ApplicationView
      readonly removed: boolean
    }

/** What happened, after it is durable. Readers only subscribe; a slow reader loses nothing but must resume by seq. */
export interface Feed {
  subscribe(listener: (item: FeedItem) => void): () => void
  /** The newest items after `seq`, oldest first; null where some of them are no longer held. */
  since(seq: number): readonly FeedItem[] | null
  readonly seq: number
}
