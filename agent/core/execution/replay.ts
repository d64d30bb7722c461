import type { WorkflowDefinition } from "../workflow/definition.ts"
import type { Input } from "./input.ts"
import type { ExecutionState } from "./state.ts"
import { Step } from "./step.ts"
import { createExecution, takeInput } from "./transition.ts"

/**
 * Derives an execution from its recorded inputs. Every history that was ever written must replay to the same state:
 * test/golden/histories holds one of each kind.
 * @returns null where the history does not begin with `triggered`
 */
export function replay(definition: WorkflowDefinition, inputs: Iterable<Input>): ExecutionState | null {
  let step: Step | null = null
  for (const input of inputs) {
    if (step !== null) takeInput(step, input)
    else if (input.kind === "triggered") step = new Step(createExecution(definition, input).state)
    else return null
  }
  return step?.state ?? null
}
