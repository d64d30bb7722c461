import type { Endpoint } from "./client.ts"
import type { Chosen } from "./program.ts"
import type { Terminal } from "./terminal.ts"

/** What a runner may use. */
export interface RunnerContext {
  readonly chosen: Chosen
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** @throws CliError NO_AGENT */
  endpoint(): Endpoint
}
