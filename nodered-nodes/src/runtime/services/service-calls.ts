import type { TaskResult } from "../../../../agent/sdk.ts"
import { SERVICE_CALLS_ENDED_MAX } from "../limits.ts"

/** What a message carries of the call that it is about, in `msg.mesg.call`. */
export interface CallHandle {
  readonly service: string
  readonly task: string
  /** The execution of the task: the same over every retry. */
  readonly execution: string
  /** ISO 8601; a later result no longer counts. */
  readonly deadline: string
}

/**
 * What became of a result: `ended`: the call has one already; `late`: its time was over; `unknown`: nobody called that,
 * or before Node-RED was started.
 */
export type Answer = "taken" | "ended" | "late" | "unknown"

interface OpenCall {
  readonly ended: Promise<TaskResult>
  settle(result: TaskResult): void
}

/** The calls that flows work on, and how the last ones ended. A deploy does not end them: their messages may go on. */
export class ServiceCalls {
  readonly #open = new Map<string, OpenCall>()
  readonly #ended = new Map<string, TaskResult | "late">()

  /** @returns the result, once a node says one. @param signal aborts at the deadline */
  open(execution: string, signal: AbortSignal): Promise<TaskResult> {
    const known = this.#open.get(execution)
    if (known !== undefined) return known.ended
    let settle = (_result: TaskResult) => {}
    const ended = new Promise<TaskResult>((resolve, reject) => {
      const late = () => {
        this.#end(execution, "late")
        reject(signal.reason as Error)
      }
      settle = (result) => {
        signal.removeEventListener("abort", late)
        resolve(result)
      }
      if (signal.aborted) late()
      else signal.addEventListener("abort", late, { once: true })
    })
    if (!signal.aborted) this.#open.set(execution, { ended, settle })
    return ended
  }

  /** Ends a call with its result: once, and in time. */
  answer(execution: string, result: TaskResult): Answer {
    const call = this.#open.get(execution)
    if (call === undefined) {
      const ended = this.#ended.get(execution)
      return ended === undefined ? "unknown" : ended === "late" ? "late" : "ended"
    }
    this.#end(execution, result)
    call.settle(result)
    return "taken"
  }

  /** For a Core that was away meanwhile: the result that there was or will be; `unknown` where nobody can say. */
  recover(execution: string): Promise<TaskResult | "unknown"> {
    const open = this.#open.get(execution)
    if (open !== undefined) return open.ended
    const ended = this.#ended.get(execution)
    return Promise.resolve(ended === undefined || ended === "late" ? "unknown" : ended)
  }

  #end(execution: string, how: TaskResult | "late"): void {
    this.#open.delete(execution)
    this.#ended.set(execution, how)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > SERVICE_CALLS_ENDED_MAX && oldest !== undefined) this.#ended.delete(oldest)
  }
}
