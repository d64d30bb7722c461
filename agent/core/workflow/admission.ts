import type { Event } from "../../schema/event.ts"
import type { TriggerDefinition } from "./definition.ts"

/** What a trigger remembers between events; stored, so that a restart changes nothing. */
export interface AdmissionMemory {
  /** Debounce: the newest event of the burst and when it fires, ms since epoch. */
  readonly pending: { readonly event: Event; readonly dueMs: number } | null
  /** Throttle: when the trigger last fired, ms since epoch. */
  readonly firedMs: number | null
}

export const NO_MEMORY: AdmissionMemory = { pending: null, firedMs: null }

/** `run`: create an execution; `hold`: create it, but let it wait its turn; `skip`: no execution; `later`: when the burst is over. */
export type Admission = "run" | "hold" | "skip" | "later"

/**
 * Whether a matching event of the trigger makes an execution. See docs/spec/application.md#trigger.
 * @param busy an execution of this workflow has not ended
 */
export function admit(
  trigger: TriggerDefinition,
  memory: AdmissionMemory,
  event: Event,
  nowMs: number,
  busy: boolean,
): { admission: Admission; memory: AdmissionMemory } {
  if (trigger.debounceMs !== null) {
    return { admission: "later", memory: { ...memory, pending: { event, dueMs: nowMs + trigger.debounceMs } } }
  }
  return fire(trigger, memory, nowMs, busy)
}

/** The burst is over: its last event goes on as if it had come now. */
export function admitPending(
  trigger: TriggerDefinition,
  memory: AdmissionMemory,
  nowMs: number,
  busy: boolean,
): { admission: Admission; memory: AdmissionMemory } {
  return fire(trigger, { ...memory, pending: null }, nowMs, busy)
}

function fire(trigger: TriggerDefinition, memory: AdmissionMemory, nowMs: number, busy: boolean) {
  const { throttleMs, overlap } = trigger
  if (throttleMs !== null && memory.firedMs !== null && nowMs - memory.firedMs < throttleMs) {
    return { admission: "skip" as const, memory }
  }
  if (busy && overlap === "skip") return { admission: "skip" as const, memory }
  const fired = throttleMs === null ? memory : { ...memory, firedMs: nowMs }
  return { admission: busy && overlap === "queue" ? ("hold" as const) : ("run" as const), memory: fired }
}
