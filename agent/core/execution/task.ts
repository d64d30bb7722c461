import { KEPT_EVENTS_PER_WAIT_MAX, RETRY_DELAY_MS_MAX, TASK_INTERRUPTIONS_MAX } from "../../base/limits.ts"
import type { Event } from "../../schema/event.ts"
import type { TaskState } from "../../schema/execution.ts"
import type { Json } from "../../schema/json.ts"
import { isBuiltInStatus } from "../../schema/names.ts"
import { statusesMet } from "./branches.ts"
import type { Input } from "./input.ts"
import { hasEnded, isRunning, type KeptEvent } from "./state.ts"
import type { Step, Trouble } from "./step.ts"
import type { RejectionCode } from "./rejection.ts"

const NOTHING_KEPT: readonly KeptEvent[] = []

/** The statuses that a task follows are there: it opens, or looks for its event. Paper, Rules 2 and 3. */
export function beginTask(step: Step, index: number): null {
  const { wait } = step.defined(index)
  if (wait === null) return openTask(step, index, null)
  const dueMs = wait.timeoutMs === null ? null : step.atMs + wait.timeoutMs
  const task = step.ownTask(index)
  task.state = "ready"
  task.dueMs = dueMs
  if (dueMs !== null) step.do({ kind: "wake", atMs: dueMs })
  return judgeNext(step, index)
}

/** An event may satisfy several waits; the trigger never counts, it came before there was an execution. */
export function keepEvent(step: Step, event: Event): RejectionCode | null {
  if (step.state.cancelling) return "INPUT_OUT_OF_TURN"
  const waiting = step.definition.tasks.flatMap(({ wait }, index) => {
    const { state, opened } = step.task(index)
    const open = state === "idle" || (state === "ready" && !opened)
    return open && wait?.service === event.service && wait.event === event.event ? [index] : []
  })
  if (waiting.length === 0) return "INPUT_OUT_OF_TURN"
  const number = step.state.arrived
  step.ownState().arrived = number + 1
  for (const index of waiting) {
    const task = step.ownTask(index)
    if (task.kept.length >= KEPT_EVENTS_PER_WAIT_MAX) task.keptOverflow++
    else task.kept = [...task.kept, { number, event }]
  }
  step.definition.tasks.forEach((_, index) => {
    const task = step.task(index)
    if (task.state === "ready" && !task.opened && !task.judging) judgeNext(step, index)
  })
  return null
}

/** Looks at the earliest kept event of a task whose statuses are there. */
function judgeNext(step: Step, index: number): null {
  const [earliest] = step.task(index).kept
  if (earliest === undefined) return null
  if (step.defined(index).wait!.where === null) return openTask(step, index, earliest.number)
  step.ownTask(index).judging = true
  step.do({ kind: "judge", task: index, number: earliest.number, event: earliest.event })
  return null
}

export function judgeEvent(step: Step, index: number, number: number, match: boolean): RejectionCode | null {
  const task = step.task(index)
  const [earliest] = task.kept
  if (task.state !== "ready" || !task.judging || earliest?.number !== number) return "INPUT_OUT_OF_TURN"
  const own = step.ownTask(index)
  own.judging = false
  if (match) return openTask(step, index, number)
  own.kept = own.kept.slice(1)
  return judgeNext(step, index)
}

/** The earliest match wins, and does not count again for any task behind this one. */
function openTask(step: Step, index: number, number: number | null): null {
  const own = step.ownTask(index)
  own.state = "ready"
  own.opened = true
  own.event = number === null ? null : (own.kept.find((kept) => kept.number === number)?.event ?? null)
  own.kept = NOTHING_KEPT
  own.judging = false
  own.dueMs = null
  if (number !== null) {
    for (const behind of step.defined(index).behind) {
      const { kept } = step.task(behind)
      if (kept.some((other) => other.number === number)) {
        step.ownTask(behind).kept = kept.filter((other) => other.number !== number)
      }
    }
  }
  step.do({ kind: "prepare", task: index })
  return null
}

export function prepareTask(step: Step, index: number, inputs: Json): RejectionCode | null {
  const task = step.task(index)
  if (task.state !== "ready" || !task.opened) return "INPUT_OUT_OF_TURN"
  const own = step.ownTask(index)
  own.state = "created"
  own.inputs = inputs
  step.do({ kind: "start", task: index })
  return null
}

export function assignTask(step: Step, index: number, core: string): RejectionCode | null {
  const task = step.task(index)
  if (task.state !== "created" || task.dueMs !== null) return "INPUT_OUT_OF_TURN"
  const own = step.ownTask(index)
  own.state = "assigned"
  own.core = core
  return null
}

export function startTask(step: Step, index: number): RejectionCode | null {
  const task = step.task(index)
  if (task.state !== "assigned") return "INPUT_OUT_OF_TURN"
  const own = step.ownTask(index)
  own.state = "started"
  own.attempts++
  own.startedMs ??= step.atMs
  step.do({ kind: "execute", task: index, attempt: own.attempts, inputs: own.inputs ?? null })
  return null
}

/** A result that others must verify first: it moves nothing on until they have. */
export function submitTask(step: Step, index: number, status: string, data: Json): RejectionCode | null {
  const task = step.task(index)
  if (task.state !== "started") return hasEnded(task) ? "TASK_ENDED" : "TASK_NOT_STARTED"
  const own = step.ownTask(index)
  own.state = "submitted"
  own.data = { status, data }
  step.do({ kind: "verify", task: index, status, data })
  return null
}

export function verifyTask(step: Step, index: number, correct: boolean): RejectionCode | null {
  const task = step.task(index)
  if (task.state !== "submitted") return "INPUT_OUT_OF_TURN"
  const { status, data } = task.data as { status: string; data: Json }
  step.ownTask(index).state = "verified"
  if (correct) return endTask(step, index, status, data)
  return endTask(step, index, "error", { code: "VERIFICATION_FAILED", message: "the result was not confirmed" })
}

const END_STATES: Readonly<Record<string, TaskState>> = {
  error: "failed",
  "timed-out": "timed-out",
  cancelled: "cancelled",
}

/** Exactly one status ends a task; one that is not declared counts as `error`. Paper, Task. */
export function endTask(step: Step, index: number, status: string, data: Json): null {
  const { statuses, name } = step.defined(index)
  if (!isBuiltInStatus(status) && !statuses.includes(status)) {
    const trouble: Trouble = {
      code: "STATUS_UNDECLARED",
      message: `task "${name}" answered "${status}", which is not declared`,
    }
    return endTask(step, index, "error", trouble)
  }
  const own = step.ownTask(index)
  own.state = END_STATES[status] ?? "succeeded"
  own.status = status
  own.data = data
  own.dueMs = null
  own.kept = NOTHING_KEPT
  own.finishedMs = step.atMs
  if (step.state.output === null) {
    const reached = step.definition.outputs.findIndex((output) => output.task === index && output.on === status)
    if (reached >= 0) step.ownState().output = reached
  }
  step.definition.tasks.forEach(({ after }, follower) => {
    const follows = after.some((edge) => edge.task === index && edge.status === status)
    if (!follows || step.task(follower).state !== "idle") return
    // A cancelled execution begins no wait: nothing would ever end it.
    if (step.state.cancelling && step.defined(follower).wait !== null) return
    if (statusesMet(step.definition, step.state.tasks, follower)) beginTask(step, follower)
  })
  return null
}

/** Tries again while the manifest allows it; an effect that may have happened is never repeated by itself. */
export function failAttempt(step: Step, input: Input & { kind: "attempt-failed" }): RejectionCode | null {
  const task = step.task(input.task)
  if (hasEnded(task)) return "TASK_ENDED"
  if (task.state !== "started" || task.attempts !== input.attempt) return "TASK_NOT_STARTED"
  const { retry, effect } = step.defined(input.task)
  const repeatable = effect !== "effectful" || input.outcome === "known"
  // An interruption by a crash is the Core's own fault and uses up no try, until a task is suspected to be the cause.
  const interrupted = input.cause === "interrupted"
  const interruptions = task.interruptions + (interrupted ? 1 : 0)
  const tried = task.attempts - interruptions
  const mayRepeat = interrupted ? interruptions <= TASK_INTERRUPTIONS_MAX : tried < retry.attempts
  // In an execution that is being cancelled too: what runs there yet undoes what was done.
  if (repeatable && mayRepeat) {
    const delayMs = interrupted ? 0 : retryDelayMs(retry, tried)
    const own = step.ownTask(input.task)
    own.state = "created"
    own.core = null
    own.dueMs = step.atMs + delayMs
    own.interruptions = interruptions
    step.do({ kind: "wake", atMs: step.atMs + delayMs })
    return null
  }
  const status = input.cause === "timed-out" ? "timed-out" : "error"
  return endTask(step, input.task, status, { code: input.code, message: input.message })
}

function retryDelayMs(retry: { backoffMs: number; factor: number }, attempts: number): number {
  return Math.min(Math.round(retry.backoffMs * retry.factor ** (attempts - 1)), RETRY_DELAY_MS_MAX)
}

/** Waits that are overdue end in `timed-out`; retries that are due may start. */
export function elapse(step: Step): RejectionCode | null {
  let moved = false
  step.definition.tasks.forEach((_, index) => {
    const { state, dueMs, opened } = step.task(index)
    if (dueMs === null || dueMs > step.atMs) return
    moved = true
    if (state === "created") {
      step.ownTask(index).dueMs = null
      step.do({ kind: "start", task: index })
    } else if (state === "ready" && !opened) {
      endTask(step, index, "timed-out", { code: "TIMED_OUT", message: "the awaited event did not come in time" })
    }
  })
  return moved ? null : "INPUT_OUT_OF_TURN"
}

/** What runs or waits for its next attempt ends `cancelled`; tasks that follow that status run, with all their tries. */
export function cancelTasks(step: Step): null {
  step.ownState().cancelling = true
  const running = step.state.tasks.flatMap((task, index) => (isRunning(task) ? [index] : []))
  for (const index of running) {
    if (step.task(index).state === "started") step.do({ kind: "abort", task: index })
  }
  for (const index of running) {
    endTask(step, index, "cancelled", { code: "CANCELLED", message: "the execution was cancelled" })
  }
  return null
}
