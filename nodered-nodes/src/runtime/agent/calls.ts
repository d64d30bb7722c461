import { AgentError } from "../api/agent-error.ts"
import type { AgentClient } from "../api/agent-client.ts"
import type { Execution } from "../api/shapes.ts"
import { CALLS_WAITING_MAX, ENDED_KEPT_MAX } from "../limits.ts"

interface Waiter {
  ended(execution: Execution): void
  failed(error: AgentError): void
}

/** Executions that somebody waits for: started by a request, ended by an item of the stream. */
export class Calls {
  readonly #client: AgentClient
  readonly #waiting = new Map<string, Waiter>()
  /** An execution may end before the answer that names it is read: what ended while a request is under way. */
  readonly #ended = new Map<string, Execution>()
  #asking = 0
  #forgotten = 0

  constructor(client: AgentClient) {
    this.#client = client
  }

  /**
   * @param start sends the request, and gives the id of the execution
   * @returns the execution when it has ended
   * @throws AgentError TOO_MANY_CALLS, EXECUTION_LOST, or what `start` throws
   */
  async follow(start: () => Promise<string>, signal: AbortSignal): Promise<Execution> {
    if (this.#waiting.size + this.#asking >= CALLS_WAITING_MAX) {
      throw new AgentError("TOO_MANY_CALLS", `${CALLS_WAITING_MAX} calls wait for their end already`)
    }
    const forgotten = this.#forgotten
    this.#asking++
    let id: string
    let known: Execution | undefined
    try {
      id = await start()
      known = this.#ended.get(id)
    } finally {
      this.#asking--
      if (this.#asking === 0) this.#ended.clear()
    }
    if (known !== undefined) return known
    return new Promise<Execution>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(id)
        reject(signal.reason as Error)
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener("abort", onAbort, { once: true })
      const settled = () => {
        signal.removeEventListener("abort", onAbort)
        this.#waiting.delete(id)
      }
      this.#waiting.set(id, {
        ended(execution) {
          settled()
          resolve(execution)
        },
        failed(error) {
          settled()
          reject(error)
        },
      })
      if (forgotten !== this.#forgotten) this.#look(id, signal).catch(reject)
    })
  }

  /** An execution changed. */
  changed(execution: Execution): void {
    if (execution.finished === null) return
    const waiter = this.#waiting.get(execution.id)
    if (waiter !== undefined) return waiter.ended(execution)
    if (this.#asking === 0) return
    this.#ended.set(execution.id, execution)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size <= ENDED_KEPT_MAX || oldest === undefined) return
    this.#ended.delete(oldest)
    this.#forgotten++
  }

  /** The stream missed something: looks at every execution that is waited for. @throws what the last one failed with */
  async lookAgain(signal: AbortSignal): Promise<void> {
    let failure: Error | null = null
    for (const id of this.#waiting.keys()) {
      try {
        await this.#look(id, signal)
      } catch (error) {
        if (signal.aborted) throw error
        failure = error as Error
      }
    }
    if (failure !== null) throw failure
  }

  async #look(id: string, signal: AbortSignal): Promise<void> {
    const execution = await this.#client.execution(id, signal)
    if (execution !== null) return this.changed(execution)
    const message = `the agent has no execution ${id} any more: how it ended is not known`
    this.#waiting.get(id)?.failed(new AgentError("EXECUTION_LOST", message))
  }
}
