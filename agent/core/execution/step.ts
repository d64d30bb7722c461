import type { Json } from "../../schema/json.ts"
import type { TaskDefinition, WorkflowDefinition } from "../workflow/definition.ts"
import type { Effect } from "./effect.ts"
import type { ExecutionState, TaskRecord } from "./state.ts"

/**
 * One input at work: the state so far and the effects gathered. Lives only inside `transition`; the old state stays as it
 * was: what changes is copied when it first does, and is the step's own from then on.
 */
export class Step {
  state: ExecutionState
  effects: readonly Effect[] = NONE
  readonly atMs: number
  readonly #before: ExecutionState

  constructor(state: ExecutionState, atMs: number) {
    this.state = state
    this.#before = state
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
    if (this.state === this.#before) this.state = { ...this.state }
    Object.assign(this.state, change)
  }

  setTask(index: number, change: Partial<TaskRecord>): void {
    const before = this.#before.tasks
    if (this.state.tasks === before) this.set({ tasks: before.slice() })
    const tasks = this.state.tasks as TaskRecord[]
    if (tasks[index] === before[index]) tasks[index] = { ...before[index]! }
    Object.assign(tasks[index]!, change)
  }

  do(effect: Effect): void {
    this.effects = [...this.effects, effect]
  }
}

const NONE: readonly Effect[] = []

/** The data of a built-in status. */
export interface Trouble {
  readonly [key: string]: Json
  readonly code: string
  readonly message: string
}
