import { REMOTE_EXECUTIONS_MAX } from "../../base/limits.ts"

/**
 * Which requests a service is working on, and what it answered to the latest ones: a request that comes again, as QoS 1
 * and a Core's retries allow, runs nothing a second time.
 */
export class Answered<Answer> {
  readonly #running = new Set<string>()
  readonly #answers = new Map<string, Answer>()

  /** @returns "new" (it is running from now on), "running", "full", or the answer that was given */
  begin(key: string): "new" | "running" | "full" | { readonly answer: Answer } {
    const answer = this.#answers.get(key)
    if (answer !== undefined) return { answer }
    if (this.#running.has(key)) return "running"
    if (this.#running.size >= REMOTE_EXECUTIONS_MAX) return "full"
    this.#running.add(key)
    return "new"
  }

  end(key: string, answer: Answer): void {
    this.#running.delete(key)
    this.#answers.set(key, answer)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > REMOTE_EXECUTIONS_MAX && oldest !== undefined) this.#answers.delete(oldest)
  }
}
