import { AgentError } from "../api/agent-error.ts"
import type { AgentClient } from "../api/agent-client.ts"
import type { Execution } from "../api/shapes.ts"
import { CALLS_WAITING_MAX, ENDED_KEPT_MAX } from "../limits.ts"

/** Executions that somebody waits for: started by a request, ended by an item of the stream. */
export class Calls {
  readonly #client: AgentClient
  readonly #waiting = new Map<string, (execution: Execution) => void>()
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
      this.#waiting.set(id, (execution) => {
        signal.removeEventListener("abort", onAbort)
        this.#waiting.delete(id)
        resolve(execution)
      })
      if (forgotten !== this.#forgotten) this.#look(id, signal).catch(reject)
    })
  }

  /** An execution changed. */
  changed(execution: Execution): void {
    if (execution.finished === null) return
    const settle = this.#waiting.get(execution.id)
    if (settle !== undefined) return settle(execution)
    if (this.#asking === 0) return
    this.#ended.set(execution.id, execution)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size <= ENDED_KEPT_MAX || oldest === undefined) return
    this.#ended.delete(oldest)
    this.#forgotten++
  }

  /** The stream missed something: looks at every execution that is waited for. */
  async lookAgain(signal: AbortSignal): Promise<void> {
    for (const id of this.#waiting.keys()) await this.#look(id, signal)
  }

  async #look(id: string, signal: AbortSignal): Promise<void> {
    const execution = await this.#client.execution(id, signal)
    if (execution !== null) this.changed(execution)
  }
}
