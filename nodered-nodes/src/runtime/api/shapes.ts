import type { Application as ApplicationDocument } from "../../../../agent/schema/application.ts"
import type { ExecutionView } from "../../../../agent/schema/execution.ts"
import type { Manifest } from "../../../../agent/schema/manifest.ts"

/** What the API gives, as far as it is used here. See docs/reference/api.md. */
export type Execution = ExecutionView
export type { Manifest }

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly cursor: string | null
}

export interface AgentStatus {
  readonly version: string
  readonly node: string
}

export interface Token {
  readonly id: string
  readonly name: string | null
  readonly scope: string
}

export interface Service {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly state: string
}

export interface ServiceDetails extends Service {
  readonly manifest: Manifest
}

export interface EventItem {
  readonly service: string
  readonly event: string
  readonly id: string | null
  /** ISO 8601. */
  readonly time: string
  readonly data: unknown
}

export interface Refusal {
  readonly rule: string
  /** JSON pointer into the application. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}

export interface Verdict {
  readonly ok: boolean
  readonly refusals: readonly Refusal[]
  readonly warnings: readonly { readonly path: string; readonly message: string }[]
}

export interface Application {
  readonly name: string
  readonly version: number
  readonly warnings?: Verdict["warnings"]
}

/** As in the list, and in the stream. */
export interface ListedApplication extends Application {
  readonly visibility: "private" | "public"
  /** ISO 8601. */
  readonly deployed: string
}

export interface DeployedApplication extends ListedApplication {
  readonly document: ApplicationDocument
}
