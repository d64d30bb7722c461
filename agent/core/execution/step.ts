import type { Json } from "../../schema/json.ts"
import type { TaskDefinition, WorkflowDefinition } from "../workflow/definition.ts"
import type { Effect } from "./effect.ts"
import type { ExecutionState, TaskRecord } from "./state.ts"

/**
 * Inputs at work, one behind the other: the state so far and the effects of the newest. The state it began with stays as
 * it was: what changes is copied when it first does, and is the step's own from then on. So a state in between is not
 * to be kept.
 */
export class Step {
  state: ExecutionState
  effects: readonly Effect[] = NONE
  atMs = 0
  readonly #before: ExecutionState

  constructor(state: ExecutionState) {
    this.state = state
    this.#before = state
  }

  /** The next input comes. @param atMs ms since epoch */
  begin(atMs: number): void {
    this.atMs = atMs
    this.effects = NONE
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

  /** The state, to be changed. */
  ownState(): Writable<ExecutionState> {
    if (this.state === this.#before) this.state = { ...this.state }
    return this.state
  }

  /** The record of a task, to be changed. */
  ownTask(index: number): Writable<TaskRecord> {
    const before = this.#before.tasks
    if (this.state.tasks === before) this.ownState().tasks = before.slice()
    const tasks = this.state.tasks as TaskRecord[]
    if (tasks[index] === before[index]) tasks[index] = { ...before[index]! }
    return tasks[index]!
  }

  do(effect: Effect): void {
    this.effects = this.effects.length === 0 ? [effect] : [...this.effects, effect]
  }
}

const NONE: readonly Effect[] = []

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

/** The data of a built-in status. */
export interface Trouble {
  readonly [key: string]: Json
  readonly code: string
  readonly message: string
}
