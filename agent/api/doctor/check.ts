import type { Config } from "../../schema/config.ts"
import type { ApplicationView, ServiceView } from "../../engine/core.ts"
import type { StoreRecovery } from "../../ports/store.ts"
import type { Token } from "../http/tokens.ts"

/** What the checks look at; main fills them from the real machine, tests with what they like. */
export interface DoctorProbes {
  readonly config: Config
  readonly home: string
  /** `process.versions.node` and the version that the agent was made for. */
  readonly nodeVersion: string
  readonly nodeVersionWanted: string
  disk(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
  store(): { readonly bytes: number; readonly quotaBytes: number }
  /** Null while it is healthy. */
  storeFailure(): string | null
  /** The last recovery of the store that nobody has acknowledged. */
  storeRecovery(): StoreRecovery | null
  /** ms since epoch: the machine's wall clock and the agent's own, which never goes back. */
  clocks(): { readonly wallMs: number; readonly nowMs: number }
  uptimeMs(): number
  memory(): { readonly rssBytes: number; readonly freeBytes: number; readonly totalBytes: number }
  /** Addresses that are really bound; null where that listener is not. */
  listeners(): { readonly mqtt: string | null; readonly mqttTls: string | null; readonly http: string | null }
  /** Permission bits of a path of the home, null where it is not there. @param path relative to the home */
  mode(path: string): Promise<number | null>
  services(): readonly ServiceView[]
  /** It was started in safe mode: no service runs. */
  safe(): boolean
  applications(): readonly ApplicationView[]
  /** Secrets that this home's key does not open: `service <id>: <setting>`, `application <name>: <setting>`. */
  lostSecrets(): readonly string[]
  /** Work that waits, with the most that may. */
  queues(): readonly { readonly name: string; readonly depth: number; readonly depthMax: number }[]
  /** ms since epoch of the newest verified copy or backup, null where there is none. */
  newestCopyMs(): number | null
  tokens(): readonly Token[]
  /** Whether the agent may do everything on this machine. */
  isRoot(): boolean
  /** Whether the node has an owner, so that anonymous clients are refused. */
  claimed(): boolean
}

export type Finding = { readonly ok: boolean; readonly detail: string; readonly remedy?: string }
export interface Check {
  readonly id: string
  readonly title: string
  /** The provisions that a check of security looks after: SECURITY.md. */
  readonly standards?: readonly string[]
  run(probes: DoctorProbes): Finding | Promise<Finding>
}

export function mib(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`
}

export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.")
}
