import type { Json } from "../../schema/json.ts"
import type { TaskDefinition, WorkflowDefinition } from "../workflow/definition.ts"
import type { Effect } from "./effect.ts"
import type { ExecutionState, TaskRecord } from "./state.ts"

/** One input at work: the state so far and the effects gathered. Lives only inside `transition`; the old state stays as it was. */
export class Step {
  state: ExecutionState
  readonly effects: Effect[] = []
  readonly atMs: number

  constructor(state: ExecutionState, atMs: number) {
    this.state = state
    this.atMs = atMs
  }

  get definition(): WorkflowDefinition {
    return this.state.definition
  }

  task(index: number): TaskRecord {
    return this.state.tasks[index]!
  }

  defined(index: number): TaskDefinition {
    return this.definition.tasks[index]!
  }

  set(change: Partial<ExecutionState>): void {
    this.state = { ...this.state, ...change }
  }

  setTask(index: number, change: Partial<TaskRecord>): void {
    this.set({ tasks: this.state.tasks.with(index, { ...this.task(index), ...change }) })
  }

  do(effect: Effect): void {
    this.effects.push(effect)
  }
}

/** The data of a built-in status. */
export interface Trouble {
  readonly [key: string]: Json
  readonly code: string
  readonly message: string
}
