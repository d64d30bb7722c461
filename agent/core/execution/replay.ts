import type { WorkflowDefinition } from "../workflow/definition.ts"
import type { Input } from "./input.ts"
import type { ExecutionState } from "./state.ts"
import { createExecution, transition } from "./transition.ts"

/**
 * Derives an execution from its recorded inputs. Every history that was ever written must replay to the same state:
 * test/golden/histories holds one of each kind.
 * @returns null where the history does not begin with `triggered`
 */
export function replay(definition: WorkflowDefinition, inputs: Iterable<Input>): ExecutionState | null {
  let state: ExecutionState | null = null
  for (const input of inputs) {
    if (state !== null) state = transition(state, input).state
    else if (input.kind === "triggered") state = createExecution(definition, input).state
    else return null
  }
  return state
}
