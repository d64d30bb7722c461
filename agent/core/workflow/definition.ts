import type { ApplicationName, ServiceId } from "../../base/ids.ts"
import type { Json, JsonObject } from "../../schema/json.ts"
import type { Effect, Retry } from "../../schema/manifest.ts"

/**
 * A workflow as it runs: an application's workflow joined with the manifests it was checked against.
 * Plain JSON, pinned per version: an execution finishes on the definition it started with.
 * Tasks and branches name tasks by their index in `tasks`.
 */
export interface WorkflowDefinition {
  readonly v: 1
  readonly app: ApplicationName
  readonly workflow: string
  readonly version: number
  readonly config: JsonObject
  readonly trigger: TriggerDefinition
  readonly first: number
  readonly tasks: readonly TaskDefinition[]
  /** Every path of tasks from the first to one that nothing follows. */
  readonly branches: readonly (readonly number[])[]
  /** Results of a public application, in the order they are looked for. */
  readonly outputs: readonly OutputDefinition[]
  /** Left out where everything is shown. */
  readonly redact?: Redactions
}

/** Paths of what is kept but not shown (schema/redact.ts). */
export interface Redactions {
  /** Of the data of events, by `<service>/<event>`. */
  readonly events: Readonly<Record<string, readonly string[]>>
  /** Of the inputs and the data of each task, by its index. */
  readonly tasks: readonly (readonly string[])[]
}

export interface TriggerDefinition {
  readonly service: string
  readonly event: string
  readonly where: string | null
  readonly debounceMs: number | null
  readonly throttleMs: number | null
  readonly overlap: "parallel" | "queue" | "skip"
}

export interface TaskDefinition {
  readonly name: string
  /** Where it runs: a Service's task, or a public application used as one. */
  readonly run: { readonly service: ServiceId; readonly task: string } | { readonly application: ApplicationName }
  readonly with: Json
  readonly after: readonly { readonly task: number; readonly status: string }[]
  readonly join: "all" | "any"
  readonly wait: WaitDefinition | null
  /** Declared statuses; the built-in ones come on top. */
  readonly statuses: readonly string[]
  readonly effect: Effect
  readonly retry: Retry
  readonly timeoutMs: number
  /** Tasks that this one can lead to, directly or not. */
  readonly behind: readonly number[]
}

export interface WaitDefinition {
  readonly service: string
  readonly event: string
  readonly where: string | null
  readonly timeoutMs: number | null
}

export interface OutputDefinition {
  readonly status: string
  readonly task: number
  readonly on: string
  readonly data: Json
}
