import { joined } from "../../base/joined.ts"
import { type Admission, type AdmissionMemory, admit, admitPending, NO_MEMORY } from "../../core/workflow/admission.ts"
import type { WorkflowDefinition } from "../../core/workflow/definition.ts"
import type { Clock } from "../../ports/clock.ts"
import type { Change, Store } from "../../ports/store.ts"
import type { Event } from "../../schema/event.ts"
import { TABLE } from "../../schema/tables.ts"

/** What became of an event at one trigger, and what must be written with it. */
export interface Decision {
  readonly admission: Admission
  readonly changes: readonly Change[]
}

/** Debounce, throttle and overlap of all triggers; their memory is in the store, so that a restart changes nothing. */
export class Admissions {
  readonly #store: Store
  readonly #clock: Clock
  readonly #memory = new Map<
    string,
    { readonly app: string; readonly workflow: string; readonly memory: AdmissionMemory }
  >()
  readonly #timers = new Map<string, () => void>()
  readonly #due: (app: string, workflow: string) => void

  /** @param due called when a debounced burst is over */
  constructor(store: Store, clock: Clock, due: (app: string, workflow: string) => void) {
    this.#store = store
    this.#clock = clock
    this.#due = due
  }

  load(): void {
    for (const { key, value } of this.#store.range(TABLE.admission)) {
      const [app, workflow] = key as [string, string]
      const { memory } = value as { memory: AdmissionMemory }
      this.#remember(app, workflow, memory)
    }
  }

  decide(definition: WorkflowDefinition, event: Event, busy: boolean): Decision {
    const before = this.#of(definition)
    return this.#settle(definition, before, admit(definition.trigger, before, event, this.#clock.now(), busy))
  }

  /** @returns the last event of a burst that is over and what becomes of it, null where none is due */
  decidePending(definition: WorkflowDefinition, busy: boolean): (Decision & { event: Event }) | null {
    const before = this.#of(definition)
    if (before.pending === null || before.pending.dueMs > this.#clock.now()) return null
    const { event } = before.pending
    return {
      event,
      ...this.#settle(definition, before, admitPending(definition.trigger, before, this.#clock.now(), busy)),
    }
  }

  /**
   * What is deployed has changed: what was remembered of workflows that are gone is forgotten, and bursts that ended
   * while their application was paused are due. @returns what must be written
   */
  revise(isDeployed: (app: string, workflow: string) => boolean): Change[] {
    const changes: Change[] = []
    for (const [name, { app, workflow, memory }] of this.#memory) {
      if (isDeployed(app, workflow)) {
        this.#watch(name, app, workflow, memory)
        continue
      }
      this.#memory.delete(name)
      this.#unwatch(name)
      changes.push({ remove: TABLE.admission, key: [app, workflow] })
    }
    return changes
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #of({ app, workflow }: WorkflowDefinition): AdmissionMemory {
    return this.#memory.get(joined(app, workflow))?.memory ?? NO_MEMORY
  }

  #settle(
    { app, workflow }: WorkflowDefinition,
    before: AdmissionMemory,
    { admission, memory }: { admission: Admission; memory: AdmissionMemory },
  ): Decision {
    if (memory === before) return { admission, changes: [] }
    this.#remember(app, workflow, memory)
    return { admission, changes: [{ put: TABLE.admission, key: [app, workflow], value: { v: 1, memory } }] }
  }

  #remember(app: string, workflow: string, memory: AdmissionMemory): void {
    const name = joined(app, workflow)
    this.#memory.set(name, { app, workflow, memory })
    this.#watch(name, app, workflow, memory)
  }

  #watch(name: string, app: string, workflow: string, { pending }: AdmissionMemory): void {
    this.#unwatch(name)
    if (pending === null) return
    this.#timers.set(
      name,
      this.#clock.schedule(pending.dueMs, () => this.#due(app, workflow)),
    )
  }

  #unwatch(name: string): void {
    this.#timers.get(name)?.()
    this.#timers.delete(name)
  }
}
