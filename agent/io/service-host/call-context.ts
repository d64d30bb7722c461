/**
 * The signal of one call. It is made when somebody looks at it: most handlers never do, and it would be the dearest part
 * of a short call.
 */
export class CallSignal {
  readonly #onAbort: () => void
  #controller: AbortController | null = null
  #aborted = false
  #reason: unknown

  /** @param onAbort called once, when the call is told to stop */
  constructor(onAbort: () => void) {
    this.#onAbort = onAbort
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#onAbort()
  }
}
