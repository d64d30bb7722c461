import { join } from "node:path"
import type { WorkflowDefinition } from "../../agent/core/workflow/definition.ts"
import type { StepRecord } from "../../agent/engine/executions/step-text.ts"
import type { ExecutionView } from "../../agent/schema/execution.ts"

/** Where the golden histories are. */
export const HISTORIES = join(import.meta.dirname, "../golden/histories")

/** An execution as a store keeps it, and what everybody must see of it, now and in every later version. */
export interface History {
  readonly name: string
  readonly definition: WorkflowDefinition
  readonly steps: readonly StepRecord[]
  readonly view: ExecutionView
}
